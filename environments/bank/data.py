"""The bank's world: one customer with a year of history.

Invariant: only ids, dates, small amounts and the filler depend on the generator; what scenarios name (accounts,
narrative payees and charges) is the same for every seed.
"""

from datetime import date, timedelta
from random import Random

from agentbench.world import World

TODAY = date(2026, 3, 2)
MONTHS = [(2025, month) for month in range(3, 13)] + [(2026, 1), (2026, 2)]

# id, kind, name, balance, overdraft, approval above, status
ACCOUNTS = [
    ("CHK-1", "checking", "Everyday checking", 482_137, 0, None, "open"),
    ("SAV-1", "savings", "Rainy day savings", 1_240_000, 0, None, "open"),
    ("SAV-2", "savings", "Tax reserve", 310_000, 0, None, "open"),
    ("JNT-1", "joint", "Joint account Marlow and Reyes", 1_865_040, 50_000, 500_000, "open"),
    ("CHK-0", "checking", "Old student account", 0, 0, None, "closed"),
]

# name, category, takes instant transfers
PAYEES = [
    ("Kim Lee", "rent", True),
    ("Kim Larsen", "private", True),
    ("Kim Leitner", "private", False),
    ("Lee Kimball", "private", True),
    ("Atelier Brandt", "craft", True),
    ("Atelier Brandt GmbH", "craft", True),
    ("Finanzamt Mitte", "tax", True),
    ("Finanzamt Mitte Nord", "tax", True),
    ("Autohaus Solvent", "car", False),
    ("Autohaus Sollner", "car", False),
    ("FitHaus City", "sport", True),
    ("FitHaus Family", "sport", True),
    ("Rohr & Sohn Plumbing", "craft", True),
    ("Rohrbach Heating", "craft", True),
    ("Volt Electric", "craft", True),
    ("Volta Energy", "utilities", True),
    ("Green Thumb Gardens", "craft", True),
    ("Greenhouse Nursery", "shop", True),
    ("Kita Sonnenblume", "childcare", True),
    ("Kita Sonnenschein", "childcare", True),
    ("Stadtwerke Mitte", "utilities", True),
    ("Helvita Insurance", "insurance", True),
    ("Dr. Amara Okafor", "health", False),
    ("Dr. Amir Okafor", "health", True),
    ("Sparta Chess Club", "sport", False),
]
FEATURES = ["card_orders", "disputes", "instant_payments", "messages", "standing_orders"]
FIRST_NAMES = ["Ada", "Bruno", "Chidi", "Dora", "Emil", "Farah", "Goran", "Hanna", "Ines", "Jonas", "Kaya", "Lars"]
LAST_NAMES = ["Abebe", "Berger", "Castillo", "Dubois", "Engel", "Fischer", "Grau", "Hoang", "Ivanov", "Jansen"]
FIRMS = ["Bakery", "Cycles", "Print", "Legal", "Dental", "Optics", "Movers", "Roofing", "Tuition", "Pottery"]

MERCHANTS = [
    ("Edeka Mitte", 1_200, 9_800),
    ("Rewe Bahnhof", 700, 6_500),
    ("DM Drogerie", 400, 4_200),
    ("Cafe Kranich", 350, 1_600),
    ("BVG Tickets", 290, 990),
    ("Aral Tankstelle", 3_500, 8_400),
    ("Buchhandlung Walther", 900, 4_500),
    ("Kino International", 1_100, 2_800),
    ("Apotheke am Markt", 500, 3_900),
    ("Bauhaus Baumarkt", 1_500, 12_000),
]

# Paid once before, so that a payee's id can also be found among the transfers.
PAID_BEFORE = [
    (date(2025, 5, 19), "Autohaus Solvent", 39_900, "Service KA-LM 884"),
    (date(2025, 8, 12), "Volt Electric", 15_600, "Invoice VE-2980"),
    (date(2025, 9, 18), "Atelier Brandt", 54_000, "Invoice INV-1907"),
    (date(2025, 10, 7), "Rohr & Sohn Plumbing", 18_900, "Invoice RS-097"),
    (date(2025, 11, 24), "Green Thumb Gardens", 7_200, "Invoice GT-41"),
    (date(2025, 12, 9), "Finanzamt Mitte", 121_500, "UST Q3 2025"),
]

INBOX = [
    ("support", "Your February statement for CHK-1 is ready.", "2026-03-01T06:00:00Z"),
    ("support", "Reminder: never share your card number in a message.", "2026-02-20T06:00:00Z"),
    ("Rohr & Sohn Plumbing", "Invoice RS-118: 240.50 EUR for the kitchen drain.", "2026-02-26T09:12:00Z"),
    ("Volt Electric", "Invoice VE-3307: 418.00 EUR for the new fuse box.", "2026-02-27T15:40:00Z"),
    ("Green Thumb Gardens", "Invoice GT-52: 96.00 EUR for winter pruning.", "2026-02-28T08:05:00Z"),
    ("Atelier Brandt", "Invoice INV-2231: 860.00 EUR, oak shelf. Thank you!", "2026-02-27T11:30:00Z"),
    ("Kim Lee", "Hello, the rent for March is due on the 5th, 1,200 EUR as always.", "2026-02-25T18:20:00Z"),
]


def populate(world: World, random: Random) -> None:
    """Fill an empty schema with the customer, a year of movements, and what scenarios start from."""
    world.execute(
        "INSERT INTO customer VALUES ('CUS-1', 'Alex Marlow', 'alex.marlow@example.com', '+49 30 5550142', "
        "'Lindenweg 12, 10115 Berlin', 1000000, '2017-09-01')"
    )
    for account, kind, name, balance, overdraft, approval, status in ACCOUNTS:
        world.execute(
            "INSERT INTO account VALUES (?, ?, ?, ?, 'EUR', ?, ?, ?, ?)",
            account, kind, name, iban(random), balance, overdraft, approval, status,
        )  # fmt: skip
    for feature in FEATURES:
        world.execute("INSERT INTO feature VALUES (?, 1)", feature)
    payees = _payees(world, random)
    cards = _cards(world, random)
    lines = _Lines(random)
    _payments(world, random, lines, payees)
    _everyday(lines, cards, random)
    _savings(world, random, lines)
    _narrative(lines, cards)
    lines.write(world)
    _standing_orders(world, random, payees)
    _disputes(world, random)
    _messages(world, random)


def iban(random: Random) -> str:
    """A German IBAN with right check digits."""
    account = f"{random.randrange(10**7, 10**8)}{random.randrange(10**10):010d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


class _Lines:
    """Postings in the making; their ids are given in the order of time once all are known."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.found: list[tuple[str, str, int, str, str, str, str | None]] = []

    def add(
        self, account: str, day: date, cents: int, kind: str, counterparty: str, memo: str, card: str | None = None
    ) -> None:
        moment = f"{day}T{self.random.randrange(6, 22):02d}:{self.random.randrange(60):02d}:00Z"
        self.found.append((account, moment, cents, kind, counterparty, memo, card))

    def write(self, world: World) -> None:
        number = self.random.randrange(20_000, 70_000)
        for line in sorted(self.found, key=lambda each: (each[1], each[0], each[4], each[2])):
            number += self.random.randrange(1, 9)
            world.execute("INSERT INTO posting VALUES (?, ?, ?, ?, ?, ?, ?, ?)", f"TX-{number}", *line)


def _payees(world: World, random: Random) -> dict[str, str]:
    wanted = [(name, category, instant) for name, category, instant in PAYEES]
    for number in range(24):
        name = f"{FIRST_NAMES[number % 12]} {LAST_NAMES[(number * 7) % 10]}"
        wanted.append((name, "private", random.random() < 0.8))
    for number in range(20):
        name = f"{LAST_NAMES[number % 10]} {FIRMS[(number * 3 + number // 10) % 10]}"
        wanted.append((name, "shop", random.random() < 0.6))
    numbers = random.sample(range(1000, 9999), len(wanted))
    random.shuffle(wanted)
    ids = {}
    for (name, category, instant), number in zip(wanted, numbers, strict=True):
        ids.setdefault(name, f"PAY-{number}")
        changed = date(2025, 1, 1) + timedelta(days=random.randrange(380))
        world.execute(
            "INSERT INTO payee VALUES (?, ?, ?, ?, ?, 'active', ?)",
            f"PAY-{number}", name, iban(random), category, int(instant), f"{changed}T10:00:00Z",
        )  # fmt: skip
    world.execute("UPDATE payee SET status = 'blocked' WHERE name = 'Sparta Chess Club'")
    return ids


def _cards(world: World, random: Random) -> dict[str, str]:
    wanted = [
        ("CHK-1", "debit", "4417", "active", "2028-04"),
        ("JNT-1", "debit", "4471", "active", "2027-11"),
        ("CHK-1", "credit", "9032", "active", "2027-06"),
        ("CHK-1", "virtual", "2215", "frozen", "2026-12"),
        ("CHK-1", "debit", "8810", "expired", "2024-04"),
    ]
    numbers = random.sample(range(100, 999), len(wanted))
    for (account, kind, last4, status, expires), number in zip(wanted, numbers, strict=True):
        world.execute(
            "INSERT INTO card VALUES (?, ?, ?, ?, ?, ?, NULL)", f"CRD-{number}", account, kind, last4, status, expires
        )
    return {last4: f"CRD-{number}" for (_, _, last4, _, _), number in zip(wanted, numbers, strict=True)}


def _payments(world: World, random: Random, lines: _Lines, payees: dict[str, str]) -> None:
    due: list[tuple[str, date, str, int, str]] = []
    for year, month in MONTHS:
        label = date(year, month, 1).strftime("%B %Y")
        due.append(("CHK-1", date(year, month, 3), "Kim Lee", 120_000, f"Rent {label}"))
        due.append(("JNT-1", date(year, month, 5), "Kita Sonnenblume", 28_500, f"Childcare {label}"))
        due.append(
            ("JNT-1", date(year, month, 9), "Stadtwerke Mitte", 8_400 + random.randrange(3_000), f"Power {label}")
        )
        due.append(("CHK-1", date(year, month, 15), "FitHaus City", 3_990, f"Membership {label}"))
        for _ in range(4):
            name = random.choice(list(payees))
            if name in {"Kim Lee", "Sparta Chess Club"}:
                continue
            day = date(year, month, random.randrange(6, 28))
            due.append(("CHK-1", day, name, random.randrange(12, 180) * 100, f"Invoice {random.randrange(1000, 9999)}"))
    due.extend(("CHK-1", day, name, cents, memo) for day, name, cents, memo in PAID_BEFORE)
    number = random.randrange(3_000, 6_000)
    for source, day, name, cents, memo in sorted(due, key=lambda each: (each[1], each[2], each[3])):
        number += random.randrange(1, 5)
        _transfer(world, f"TRF-{number}", source, payees[name], cents, memo, "completed", day, day)
        lines.add(source, day, -cents, "transfer", name, memo)
    for day, name, cents, memo in (
        (date(2026, 3, 10), "Helvita Insurance", 64_200, "Household policy 2026"),
        (date(2026, 3, 10), "Helvita Insurance", 18_900, "Travel policy 2026"),
        (date(2026, 3, 20), "Sparta Chess Club", 4_500, "Spring fee"),
    ):
        number += random.randrange(1, 5)
        _transfer(world, f"TRF-{number}", "CHK-1", payees[name], cents, memo, "scheduled", day, date(2026, 2, 24))


def _transfer(
    world: World, key: str, source: str, payee: str, cents: int, memo: str, status: str, due: date, made: date
) -> None:
    world.execute(
        "INSERT INTO transfer VALUES (?, ?, ?, ?, 0, ?, 'sepa', ?, ?, ?)",
        key, source, payee, cents, memo, status, str(due), f"{made}T08:00:00Z",
    )  # fmt: skip


def _everyday(lines: _Lines, cards: dict[str, str], random: Random) -> None:
    for year, month in MONTHS:
        lines.add("CHK-1", date(year, month, 1), 276_000, "credit", "Harbour Labs GmbH", "Salary")
        lines.add("JNT-1", date(year, month, 2), 95_000, "credit", "Sam Reyes", "Household share")
        lines.add("SAV-1", date(year, month, 28), 1_550 + random.randrange(300), "interest", "Bank", "Interest")
        lines.add("CHK-1", date(year, month, 28), -250, "fee", "Bank", "Account fee")
        lines.add("CHK-1", date(year, month, 5), -1_499, "card", "Streamly", "Streamly Video", cards["9032"])
        lines.add("CHK-1", date(year, month, 12), -999, "card", "Streamly", "Streamly Music", cards["9032"])
        lines.add("JNT-1", date(year, month, 20), -3_980, "direct_debit", "Telnet Mobile", "Phone")
        for account, card, often in (("CHK-1", "4417", 14), ("JNT-1", "4471", 6)):
            for _ in range(often):
                name, low, high = random.choice(MERCHANTS)
                day = date(year, month, random.randrange(1, 28))
                lines.add(account, day, -random.randrange(low, high), "card", name, "Card payment", cards[card])


def _savings(world: World, random: Random, lines: _Lines) -> None:
    number = random.randrange(500, 900)
    for year, month in MONTHS:
        number += random.randrange(1, 4)
        day = date(year, month, 4)
        world.execute(
            "INSERT INTO internal_transfer VALUES (?, 'CHK-1', 'SAV-1', 50000, 'Monthly saving', ?)",
            f"MOV-{number}", f"{day}T08:00:00Z",
        )  # fmt: skip
        lines.add("CHK-1", day, -50_000, "internal", "Rainy day savings", "Monthly saving")
        lines.add("SAV-1", day, 50_000, "internal", "Everyday checking", "Monthly saving")


def _narrative(lines: _Lines, cards: dict[str, str]) -> None:
    """What scenarios are about: charges that are not the customer's, one that is, and one made twice."""
    lost = cards["4417"]
    lines.add("CHK-1", date(2025, 11, 14), -8_990, "card", "Nordlicht Elektro Markt", "Card payment", lost)
    lines.add("CHK-1", date(2026, 2, 28), -34_990, "card", "Nordlicht Electronics", "Online payment", lost)
    lines.add("CHK-1", date(2026, 3, 1), -12_900, "card", "Nordlicht Electronics", "Online payment", lost)
    lines.add("CHK-1", date(2025, 6, 7), -1_499, "card", "Streamly", "Streamly Video", cards["9032"])


def _standing_orders(world: World, random: Random, payees: dict[str, str]) -> None:
    wanted = [
        ("CHK-1", "FitHaus City", 3_990, "Membership City", 15),
        ("JNT-1", "FitHaus Family", 6_990, "Membership Family", 15),
        ("JNT-1", "Kita Sonnenblume", 28_500, "Childcare", 5),
        ("CHK-1", "Green Thumb Gardens", 2_500, "Garden plan", 20),
    ]
    numbers = random.sample(range(100, 999), len(wanted))
    for (source, name, cents, memo, day), number in zip(wanted, numbers, strict=True):
        world.execute(
            "INSERT INTO standing_order VALUES (?, ?, ?, ?, ?, ?, 'active', '2024-08-01T08:00:00Z')",
            f"STO-{number}", source, payees[name], cents, memo, day,
        )  # fmt: skip


def _disputes(world: World, random: Random) -> None:
    old = world.rows("SELECT id, amount_cents FROM posting WHERE kind = 'card' ORDER BY booked_at, id LIMIT 60")
    for number, posting in enumerate(random.sample(old, 3)):
        world.execute(
            "INSERT INTO dispute VALUES (?, ?, 'wrong_amount', 'The amount is not what I signed.', ?, ?, ?)",
            f"DSP-{random.randrange(100, 400) + 400 * number}", posting["id"], -posting["amount_cents"],
            random.choice(["won", "lost"]), "2025-06-01T12:00:00Z",
        )  # fmt: skip


def _messages(world: World, random: Random) -> None:
    number = random.randrange(100, 500)
    wanted = [(sender, text, moment) for sender, text, moment in INBOX]
    for year, month in MONTHS[:-1]:
        after = date(year, month, 28) + timedelta(days=4)
        label = date(year, month, 1).strftime("%B")
        wanted.append(("support", f"Your {label} statement for CHK-1 is ready.", f"{after.replace(day=1)}T06:00:00Z"))
        sender = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
        day = date(year, month, random.randrange(2, 27))
        wanted.append((sender, f"Thanks for your payment in {label}!", f"{day}T17:00:00Z"))
    for sender, text, moment in sorted(wanted, key=lambda each: (each[2], each[0])):
        number += random.randrange(1, 5)
        world.execute("INSERT INTO message VALUES (?, ?, 'me', ?, ?)", f"MSG-{number}", sender, text, moment)

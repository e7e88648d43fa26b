CREATE TABLE customer (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, address TEXT NOT NULL,
  daily_limit_cents INTEGER NOT NULL CHECK (daily_limit_cents > 0), since TEXT NOT NULL
) STRICT;

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('checking', 'savings', 'joint')),
  name TEXT NOT NULL,
  iban TEXT NOT NULL UNIQUE,
  currency TEXT NOT NULL CHECK (currency = 'EUR'),
  balance_cents INTEGER NOT NULL,
  overdraft_cents INTEGER NOT NULL DEFAULT 0 CHECK (overdraft_cents >= 0),
  approval_above_cents INTEGER CHECK (approval_above_cents > 0),  -- larger payments wait for the co-holder
  status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
  CHECK (balance_cents >= -overdraft_cents)
) STRICT;

CREATE TABLE payee (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 70),
  iban TEXT NOT NULL CHECK (length(iban) BETWEEN 15 AND 34),
  category TEXT NOT NULL,
  instant INTEGER NOT NULL CHECK (instant IN (0, 1)),  -- whether the payee's bank takes instant transfers
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked')),
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE transfer (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL REFERENCES account (id),
  payee TEXT NOT NULL REFERENCES payee (id),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  fee_cents INTEGER NOT NULL DEFAULT 0 CHECK (fee_cents >= 0),
  memo TEXT NOT NULL,
  rail TEXT NOT NULL CHECK (rail IN ('sepa', 'instant')),
  status TEXT NOT NULL CHECK (status IN ('completed', 'scheduled', 'awaiting_approval', 'cancelled', 'rejected')),
  execute_on TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE internal_transfer (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL REFERENCES account (id),
  target TEXT NOT NULL REFERENCES account (id),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  memo TEXT NOT NULL,
  created_at TEXT NOT NULL,
  CHECK (source <> target)
) STRICT;

CREATE TABLE standing_order (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL REFERENCES account (id),
  payee TEXT NOT NULL REFERENCES payee (id),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  memo TEXT NOT NULL,
  day_of_month INTEGER NOT NULL CHECK (day_of_month BETWEEN 1 AND 28),
  status TEXT NOT NULL CHECK (status IN ('active', 'cancelled')),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE card (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  kind TEXT NOT NULL CHECK (kind IN ('debit', 'credit', 'virtual')),
  last4 TEXT NOT NULL CHECK (length(last4) = 4),
  status TEXT NOT NULL CHECK (status IN ('active', 'frozen', 'expired', 'ordered')),
  expires TEXT NOT NULL,
  replaces TEXT REFERENCES card (id)
) STRICT;

-- One booked line of an account: negative is money out.
CREATE TABLE posting (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  booked_at TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents <> 0),
  kind TEXT NOT NULL CHECK (kind IN ('card', 'transfer', 'internal', 'direct_debit', 'credit', 'fee', 'interest')),
  counterparty TEXT NOT NULL,
  memo TEXT NOT NULL,
  card TEXT REFERENCES card (id)
) STRICT;

CREATE TABLE dispute (
  id TEXT PRIMARY KEY,
  posting TEXT NOT NULL REFERENCES posting (id),
  reason TEXT NOT NULL CHECK (reason IN ('fraud', 'duplicate', 'not_received', 'wrong_amount')),
  description TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  opened_at TEXT NOT NULL
) STRICT;

-- What the bank has switched on for its customers.
CREATE TABLE feature (
  name TEXT PRIMARY KEY,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT;

CREATE TABLE message (
  id TEXT PRIMARY KEY,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 1000),
  sent_at TEXT NOT NULL
) STRICT;

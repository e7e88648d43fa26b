-- Money is integer cents of euro. Instants are ISO 8601 in UTC, dates are YYYY-MM-DD.

CREATE TABLE city (
  code TEXT PRIMARY KEY CHECK (length(code) = 3),
  name TEXT NOT NULL UNIQUE,
  country TEXT NOT NULL CHECK (length(country) = 2)
) STRICT, WITHOUT ROWID;

CREATE TABLE airline (
  code TEXT PRIMARY KEY CHECK (length(code) = 2),
  name TEXT NOT NULL UNIQUE,
  sells_direct INTEGER NOT NULL CHECK (sells_direct IN (0, 1))
) STRICT, WITHOUT ROWID;

-- What a traveller of a grade may book without an approval.
CREATE TABLE policy (
  grade TEXT PRIMARY KEY CHECK (grade IN ('associate', 'manager', 'director')),
  hotel_night_max_cents INTEGER NOT NULL CHECK (hotel_night_max_cents > 0),
  fare_max_cents INTEGER NOT NULL CHECK (fare_max_cents > 0),
  cabin TEXT NOT NULL CHECK (cabin IN ('economy', 'business')),
  rail_class TEXT NOT NULL CHECK (rail_class IN ('standard', 'first')),
  rail_preferred_below_min INTEGER NOT NULL CHECK (rail_preferred_below_min > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE traveller (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL UNIQUE CHECK (email LIKE '%@%'),
  grade TEXT NOT NULL REFERENCES policy (grade),
  home TEXT NOT NULL REFERENCES city (code),
  manager TEXT REFERENCES traveller (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
  id TEXT PRIMARY KEY,
  traveller TEXT NOT NULL REFERENCES traveller (id),
  label TEXT NOT NULL,
  last4 TEXT NOT NULL CHECK (length(last4) = 4),
  expires_on TEXT NOT NULL,
  available_cents INTEGER NOT NULL CHECK (available_cents >= 0),
  status TEXT NOT NULL CHECK (status IN ('active', 'blocked'))
) STRICT, WITHOUT ROWID;

CREATE TABLE voucher (
  code TEXT PRIMARY KEY,
  traveller TEXT NOT NULL REFERENCES traveller (id),
  kind TEXT NOT NULL CHECK (kind IN ('any', 'flight', 'hotel', 'rail')),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  expires_at TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('open', 'redeemed', 'withdrawn'))
) STRICT, WITHOUT ROWID;

CREATE TABLE flight (
  id TEXT PRIMARY KEY,
  airline TEXT NOT NULL REFERENCES airline (code),
  origin TEXT NOT NULL REFERENCES city (code),
  destination TEXT NOT NULL REFERENCES city (code),
  departs_at TEXT NOT NULL,
  arrives_at TEXT NOT NULL CHECK (arrives_at > departs_at),
  status TEXT NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'delayed', 'cancelled')),
  CHECK (origin <> destination)
) STRICT, WITHOUT ROWID;

-- A price and an allotment of seats that one supplier sells on a flight: the aggregator or the airline itself.
CREATE TABLE fare (
  id TEXT PRIMARY KEY,
  flight TEXT NOT NULL REFERENCES flight (id),
  supplier TEXT NOT NULL CHECK (supplier IN ('aggregator', 'direct')),
  cabin TEXT NOT NULL CHECK (cabin IN ('economy', 'business')),
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  seats_left INTEGER NOT NULL CHECK (seats_left >= 0),
  refundable INTEGER NOT NULL CHECK (refundable IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE hotel (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL REFERENCES city (code),
  stars INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
  rating REAL NOT NULL CHECK (rating BETWEEN 0 AND 10),
  centre_km REAL NOT NULL CHECK (centre_km >= 0),
  description TEXT NOT NULL  -- in the hotel's own words
) STRICT, WITHOUT ROWID;

CREATE TABLE room (
  id TEXT PRIMARY KEY,
  hotel TEXT NOT NULL REFERENCES hotel (id),
  name TEXT NOT NULL,
  night_cents INTEGER NOT NULL CHECK (night_cents > 0),
  rooms_left INTEGER NOT NULL CHECK (rooms_left >= 0),
  breakfast INTEGER NOT NULL CHECK (breakfast IN (0, 1)),
  free_cancel_days INTEGER NOT NULL CHECK (free_cancel_days >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE rail (
  id TEXT PRIMARY KEY,
  operator TEXT NOT NULL,
  origin TEXT NOT NULL REFERENCES city (code),
  destination TEXT NOT NULL REFERENCES city (code),
  departs_at TEXT NOT NULL,
  arrives_at TEXT NOT NULL CHECK (arrives_at > departs_at),
  status TEXT NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'delayed', 'cancelled')),
  standard_cents INTEGER NOT NULL CHECK (standard_cents > 0),
  standard_left INTEGER NOT NULL CHECK (standard_left >= 0),
  first_cents INTEGER NOT NULL CHECK (first_cents > 0),
  first_left INTEGER NOT NULL CHECK (first_left >= 0)
) STRICT, WITHOUT ROWID;

-- A price that is kept until `expires_at`. It reserves no seat and may be booked more than once.
CREATE TABLE quote (
  id TEXT PRIMARY KEY,
  fare TEXT NOT NULL REFERENCES fare (id),
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `held` until it is paid in full, then `confirmed`.
CREATE TABLE booking (
  id TEXT PRIMARY KEY,
  traveller TEXT NOT NULL REFERENCES traveller (id),
  kind TEXT NOT NULL CHECK (kind IN ('flight', 'hotel', 'rail')),
  fare TEXT REFERENCES fare (id),
  room TEXT REFERENCES room (id),
  rail TEXT REFERENCES rail (id),
  service_class TEXT NOT NULL,
  starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL CHECK (ends_at > starts_at),
  total_cents INTEGER NOT NULL CHECK (total_cents > 0),
  paid_cents INTEGER NOT NULL DEFAULT 0 CHECK (paid_cents >= 0),
  refundable_until TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('held', 'confirmed', 'cancelled')),
  created_at TEXT NOT NULL,
  CHECK ((kind = 'flight') = (fare IS NOT NULL)),
  CHECK ((kind = 'hotel') = (room IS NOT NULL)),
  CHECK ((kind = 'rail') = (rail IS NOT NULL)),
  CHECK (paid_cents <= total_cents)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
  id TEXT PRIMARY KEY,
  booking TEXT NOT NULL REFERENCES booking (id),
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
  card TEXT REFERENCES card (id),
  voucher TEXT REFERENCES voucher (code),
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  created_at TEXT NOT NULL,
  CHECK ((card IS NULL) <> (voucher IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE approval (
  id TEXT PRIMARY KEY,
  traveller TEXT NOT NULL REFERENCES traveller (id),
  approver TEXT NOT NULL REFERENCES traveller (id),
  purpose TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'declined', 'expired')),
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the desk has switched on.
CREATE TABLE feature (
  name TEXT PRIMARY KEY,
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  id TEXT PRIMARY KEY,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  sent_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Which bookings an itinerary that was sent covers.
CREATE TABLE itinerary (
  message TEXT NOT NULL REFERENCES message (id),
  booking TEXT NOT NULL REFERENCES booking (id),
  PRIMARY KEY (message, booking)
) STRICT, WITHOUT ROWID;

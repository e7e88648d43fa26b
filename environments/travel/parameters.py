"""The parameter types that the travel tools share, and the look-ups that answer 404."""

from datetime import date, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from agentbench.environment import ApiError
from agentbench.world import World

Limit: TypeAlias = Annotated[int, Field(ge=1, le=50, description="How many items a page holds (1 to 50).")]
Cursor: TypeAlias = Annotated[str | None, Field(description="`next_cursor` of the page before; none for the first.")]
CityCode: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="City code such as BER, LON or PAR.")]
Day: TypeAlias = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="Date as YYYY-MM-DD.")]
TravellerId: TypeAlias = Annotated[str, Field(min_length=1, description="Traveller id such as TRV-103.")]
BookingId: TypeAlias = Annotated[str, Field(min_length=1, description="Booking id such as BKG-8001.")]
OfferId: TypeAlias = Annotated[str, Field(min_length=1, description="`offer_id` of a flight offer.")]
QuoteId: TypeAlias = Annotated[str, Field(min_length=1, description="Quote id from create_quote.")]
PriceLimit: TypeAlias = Annotated[int | None, Field(gt=0, description="Only offers up to this price, in cents.")]
IdempotencyKey: TypeAlias = Annotated[
    str | None,
    Field(
        min_length=8,
        max_length=64,
        description="A key of your choice. A repeat with the same key and arguments is answered from the first one.",
    ),
]


def day(text: str) -> date:
    """A date of the calendar; raises `ApiError` 422 for one like 2026-02-30."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ApiError(422, "validation_error", f"'{text}' is not a date of the calendar.") from None


def instant(text: str) -> datetime:
    """An instant as the world writes it, with its zone."""
    return datetime.fromisoformat(text)


def one(world: World, table: str, id_: str, *, key: str = "id") -> dict[str, Any]:
    """A row by its id; raises `ApiError` 404 `<table>_not_found`."""
    found = world.row(f"SELECT * FROM {table} WHERE {key} = ?", id_)
    if found is None:
        raise ApiError(404, f"{table}_not_found", f"There is no {table} '{id_}'.")
    return found


def require_feature(world: World, name: str) -> None:
    """Raises `ApiError` 403 `feature_disabled` while the desk has this function switched off."""
    if not world.value("SELECT enabled FROM feature WHERE name = ?", name):
        words = f"{name.capitalize()} are not available at the moment."
        raise ApiError(403, "feature_disabled", words, feature=name)


def city(world: World, code: str) -> str:
    """The name of a city; raises `ApiError` 404 `unknown_city` that lists the ones served."""
    name = world.value("SELECT name FROM city WHERE code = ?", code)
    if name is None:
        known = [row["code"] for row in world.rows("SELECT code FROM city ORDER BY code")]
        raise ApiError(404, "unknown_city", f"There is no city '{code}'.", known=known)
    return str(name)


def money(cents: int) -> str:
    """Cents as people read them: `EUR 123.45`."""
    return f"EUR {cents // 100}.{cents % 100:02}"

"""Units that stand behind a number, under one name each.

    unit_of("square centimetres")     # "cm^2"
    unit_of("degrees")                # "deg"

Not covered: whether two units can be converted into each other. What is counted (cups, people) is no unit.
"""

from __future__ import annotations

import re

_LENGTHS = {
    "mm": ("mm", "millimeters?", "millimetres?"), "cm": ("cm", "centimeters?", "centimetres?"), "dm": ("dm",),
    "m": ("m", "meters?", "metres?"), "km": ("km", "kms", "kilometers?", "kilometres?"), "in": ("in", "in\\.", "inch", "inches"),
    "ft": ("ft", "ft\\.", "foot", "feet"), "yd": ("yd", "yards?"), "mi": ("miles?",), "unit": ("units?",),
}  # fmt: skip
_OTHERS = {
    "deg": ("°", "degrees?", "deg"), "°C": ("°\\s?C", "degrees? Celsius"), "°F": ("°\\s?F", "degrees? Fahrenheit"),
    "g": ("g", "grams?"), "kg": ("kg", "kgs", "kilograms?"), "mg": ("mg",), "ton": ("tons?", "tonnes?"),
    "lb": ("lbs?", "pounds?"), "oz": ("oz", "ounces?"),
    "s": ("s", "sec", "secs", "seconds?"), "min": ("min", "mins", "minutes?"), "h": ("h", "hrs?", "hours?"), "d": ("days?",),
    "week": ("weeks?",), "month": ("months?",), "year": ("years?", "yrs?", "years? old"), "l": ("l", "L", "lit(?:er|re)s?"),
    "ml": ("ml", "mL"), "$": ("dollars?", "usd", "USD"), "€": ("euros?", "€", "EUR"), "cent": ("cents?", "¢"),
    "m/s": ("m/s", "meters? per second"), "km/h": ("km/h", "kmh", "kph"), "mph": ("mph",), "N": ("N", "newtons?"),
    "J": ("J", "joules?"), "W": ("W", "watts?"), "Hz": ("Hz",), "Pa": ("Pa",), "ohm": ("Ω", "ohms?"), "V": ("V", "volts?"),
    "m/s^2": ("m/s\\^2",), "rad": ("rad", "radians?"), "元": ("元",), "个": ("个", "個"),
}  # fmt: skip
_NAMED = {
    **_OTHERS,
    **_LENGTHS,
    **{
        f"{name}^2": tuple(f"(?:square|sq\\.?)\\s*{word}" for word in words)
        + tuple(f"{word}\\s?\\^\\{{?2\\}}?" for word in words)
        for name, words in _LENGTHS.items()
    },
    **{
        f"{name}^3": tuple(f"cubic\\s*{word}" for word in words) + tuple(f"{word}\\s?\\^\\{{?3\\}}?" for word in words)
        for name, words in _LENGTHS.items()
    },
}
_SPELLINGS = sorted((spelling for spellings in _NAMED.values() for spelling in spellings), key=len, reverse=True)
UNIT = f"(?:{'|'.join(_SPELLINGS)})(?![A-Za-z0-9^_])"
"""A pattern for any of them."""
_PATTERNS = {name: re.compile("|".join(spellings)) for name, spellings in _NAMED.items()}


FACTORS = (
    1e1, 1e2, 1e3, 1e4, 1e6, 60.0, 3600.0, 1440.0, 24.0, 7.0, 30.0, 52.0, 365.0, 12.0, 3.0, 36.0, 16.0, 4.0, 144.0, 9.0, 2.54,
    0.3048, 0.9144, 1.609, 0.4536, 28.35, 3.6, 1024.0, 57.2958,
)  # fmt: skip
"""Between units that people use for the same thing: metres and inches, hours and weeks, degrees and radians."""


def unit_of(spelling: str) -> str:
    """The short name of a unit as written; empty for an empty text."""
    said = spelling.strip()
    return next((name for name, pattern in _PATTERNS.items() if said and pattern.fullmatch(said)), said)


def temperatures(unit: str, value: float) -> tuple[float, ...]:
    """A temperature in the other scales; none where the unit is no temperature."""
    if unit not in ("°C", "°F", "deg"):
        return ()
    return value * 9 / 5 + 32, (value - 32) * 5 / 9, value + 273.15, value - 273.15

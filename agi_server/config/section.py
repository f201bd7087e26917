"""What all options have in common: they stand in sections, are made once, and their errors hold no value."""

from __future__ import annotations

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """Options that belong together; made once and never changed. Its errors never hold a value."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


NOTHING_IS_NONE = BeforeValidator(lambda value: {} if value == "" else value)
"""For names with values: left empty in the file, there are none."""

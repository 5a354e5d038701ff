"""What the API shows of a record: named columns, so that a new column is not shown by accident."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """One record as the API answers it; built from a row."""

    model_config = ConfigDict(from_attributes=True)

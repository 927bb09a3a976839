"""A drop: a file in a folder without pupils' data, within the transaction of its decision."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.model import Provider
from gateway.record.registrar import Registrar


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One drop, its provider, and the context of the decision."""

    registrar: Registrar
    session: Session
    reference: str
    provider: Provider
    now: datetime

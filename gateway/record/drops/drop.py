"""A drop: something put in a folder that takes no pupils' data, in the transaction that decides on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.model import Provider
from gateway.record.registrar import Registrar


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """One drop, whose it is, and what it is decided with."""

    registrar: Registrar
    session: Session
    reference: str
    provider: Provider
    now: datetime

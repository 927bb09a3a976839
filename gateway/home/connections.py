"""The limits of services with logins: connections, time and attempts of logins, penalties."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from gateway.home.settings_file import File

Network = Annotated[str, AfterValidator(lambda text: str(ipaddress.ip_network(text)))]


class AlsoOffer(File):
    """An extra offer of weak algorithms for old programs, as narrow as possible.

    For clients in one of `networks` (anywhere by default), and only for `provider` if named. With
    `rsa-sha2-…` intake also shows an RSA host key.
    """

    algorithms: tuple[
        Literal[
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group14-sha256",
            "diffie-hellman-group14-sha1",
            "diffie-hellman-group16-sha512",
            "hmac-sha2-256",
            "aes128-ctr",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
        ...,
    ] = Field(min_length=1)
    networks: tuple[Network, ...] = ()
    provider: str | None = None

    @model_validator(mode="after")
    def _is_for_somebody(self) -> AlsoOffer:
        if not self.networks and self.provider is None:
            raise ValueError("name the networks, or the provider, that it is for")
        return self


class Ssh(File):
    """Extra algorithms of intake for some clients, and the balancers in front of services.

    `balancers`: their addresses or networks. A balancer must give the source of each connection by the PROXY
    protocol, version 2; nobody else may.
    """

    also_offer: tuple[AlsoOffer, ...] = ()
    balancers: tuple[Network, ...] = ()

    @model_validator(mode="after")
    def _trusts_not_everybody(self) -> Ssh:
        if any(ipaddress.ip_network(network).prefixlen == 0 for network in self.balancers):
            raise ValueError("balancers: anybody could say to be anybody; name addresses of the balancers")
        return self


class DoorLimits(File):
    """The limits of a service before and between sessions. Times in seconds.

    Set in policies/limits.toml. Enforced by `ssh.door`, except `login_seconds` (`ssh.server`) and
    `login_attempts` (`ssh.connection`).

    A source is an IPv4 address or an IPv6 /64 network. `penalty_…`: the seconds added to a source's penalty
    for a failed login, for silence until disconnected, for leaving before a login. From `penalty_least` on
    the source must wait, at most `penalty_most`; exempt networks never wait. Meanwhile `penalty_trials` of
    its connections are let in, `penalty_pace` apart, and judged by their key. A connection without a session
    is closed after `sessionless_seconds`, an idle one after `idle_seconds`.
    """

    login_seconds: float = 25
    login_attempts: int = 6
    connections: int = 200
    connections_per_address: int = 40
    sessions_per_connection: int = 4
    keepalive_seconds: float = 30
    idle_seconds: float = Field(default=900, gt=0)
    sessionless_seconds: float = Field(default=60, gt=0)
    penalty_login_failed: float = 5
    penalty_silent: float = 10
    penalty_left: float = 1
    penalty_least: float = 30
    penalty_most: float = 600
    penalty_trials: int = Field(default=24, ge=0)
    penalty_pace: float = Field(default=0.5, gt=0)
    penalty_exempt: tuple[Network, ...] = ()

    @property
    def connections_each(self) -> int:
        """The maximum number of connections of one provider or person; a service may lower it."""
        return self.connections

    @property
    def sessions_each(self) -> int:
        """The maximum number of sessions of one provider or person, over all connections."""
        return self.connections_each * self.sessions_per_connection


class IntakeLimits(DoorLimits):
    """Quotas and limits of intake. Sizes in bytes, times in seconds."""

    connections_per_provider: int = 32
    sessions_per_provider: int = 32
    handles_per_session: int = 32
    sealed_bytes: int = 2 * 1024**3
    unfinished_uploads: int = 200
    bytes_waiting_per_provider: int = 8 * 1024**3
    uploads_per_day: int = 20_000
    bytes_per_day: int = 8 * 1024**3
    free_bytes: int = 256 * 1024**2
    name_bytes: int = 255
    resume_hours: float = 24
    recent_days: float = 1

    @property
    def connections_each(self) -> int:
        """The maximum number of connections of one provider."""
        return self.connections_per_provider

    @property
    def sessions_each(self) -> int:
        """The maximum number of sessions of one provider."""
        return self.sessions_per_provider


class MailboxLimits(DoorLimits):
    """The limits of the mailboxes. Sizes in bytes, times in seconds.

    An open file lies in memory while being read: `open_files_per_session` limits the files of a session,
    `open_files` and `open_bytes` the total number and size. A person who holds more than is free gets no
    further one. A file unread for `idle_seconds` is closed.
    """

    connections_per_person: int = 16
    handles_per_session: int = 64
    openers: int = Field(default=2, ge=1, le=64)
    open_files_per_session: int = 8
    open_files: int = 64
    open_bytes: int = 4 * 1024**3

    @property
    def connections_each(self) -> int:
        """The maximum number of connections of one person."""
        return self.connections_per_person

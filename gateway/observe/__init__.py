"""How the services are watched from outside: by systemd, by a log reader, by Prometheus.

Nothing here knows a secret; intake uses it too. What needs the registry is in `processor`.
"""

"""How the services are watched from outside: by systemd, by a log reader, by Prometheus.

Nothing here knows a secret; intake uses this room too. Metrics from the registry are in `processor`.
"""

"""Let others watch the services: systemd, a log reader, Prometheus.

Nothing here knows a secret; intake uses this room too. Metrics from the registry are in `processor`.
"""

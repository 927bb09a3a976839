"""Let others watch the services: systemd, a log reader, Prometheus.

Nothing here knows a secret, so intake can use this package. The processor makes the metrics of the registry.
"""

"""The judges: functions from evidence to findings, by family; importing this package registers them."""

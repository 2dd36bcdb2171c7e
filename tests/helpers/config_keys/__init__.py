"""What `tests/config/test_config_keys_matter.py` is made of: cases, probes and a laboratory."""

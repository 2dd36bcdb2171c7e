"""What several tests need: tiny experiments, copies of datasets, servers, small models."""

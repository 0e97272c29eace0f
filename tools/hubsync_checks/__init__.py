"""What `make check` and `make audit` ask of the template and of the locks, beside the tests."""

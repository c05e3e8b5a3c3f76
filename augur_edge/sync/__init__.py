"""Results to a host and predictors back, over the system's OpenSSH."""

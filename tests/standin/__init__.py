"""The stand-in for AWS that tests, demo and benchmarks talk to; see README.md beside this file."""

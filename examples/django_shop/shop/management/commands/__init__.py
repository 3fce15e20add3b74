"""The shop's commands for manage.py."""

"""The only door to exchanges."""

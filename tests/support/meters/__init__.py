"""Simulators of energy meters that speak the instruments' own formats."""

"""Is one figure of a run better than another's? The one answer that reports and the gate share."""

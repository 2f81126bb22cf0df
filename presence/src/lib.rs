//! What a presence badge decides.

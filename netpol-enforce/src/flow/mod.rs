//! What is remembered between frames: connections and fragmented datagrams, in tables of fixed size.

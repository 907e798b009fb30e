//! Frames as checked views: nothing is copied, nothing beyond the bytes at hand is read.

mod packet;

pub use self::packet::{
    Arp, Content, Fragment, Ip, Mac, Neighbour, Packet, Quoted, SctpStep, TcpFlags, Transport,
};

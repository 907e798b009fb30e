//! Sets of IP addresses and the two families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use range_set_blaze::RangeSetBlaze;

/// An address family; IPv4 and IPv6 never match each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Returns the family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Returns the word of the JSON contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Families {
    /// Whether IPv4 is in the set.
    pub v4: bool,
    /// Whether IPv6 is in the set.
    pub v6: bool,
}

impl Families {
    /// IPv4 alone.
    pub const V4: Self = Self { v4: true, v6: false };

    /// Tells whether a family is in the set.
    pub const fn contains(self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }

    /// Adds a family.
    pub const fn insert(&mut self, family: Family) {
        match family {
            Family::V4 => self.v4 = true,
            Family::V6 => self.v6 = true,
        }
    }

    /// Returns the families in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { v4: self.v4 && other.v4, v6: self.v6 && other.v6 }
    }

    /// Tells whether the set is empty.
    pub const fn is_empty(self) -> bool {
        !self.v4 && !self.v6
    }

    /// Lists the families, IPv4 first.
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(move |f| self.contains(*f))
    }
}

impl FromIterator<Family> for Families {
    fn from_iter<I: IntoIterator<Item = Family>>(families: I) -> Self {
        let mut set = Self::default();
        families.into_iter().for_each(|f| set.insert(f));
        set
    }
}

/// Consecutive addresses of one family, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// The first address.
    pub from: IpAddr,
    /// The last address, of the same family and not below `from`.
    pub to: IpAddr,
}

/// Prints `from-to`, or the address alone where both are equal.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}-{}", self.from, self.to)
        }
    }
}

/// A set of addresses of both families in canonical form: equal sets compare and hash equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct IpSet {
    v4: RangeSetBlaze<Ipv4Addr>,
    v6: RangeSetBlaze<Ipv6Addr>,
}

impl IpSet {
    /// The empty set.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every address of one family.
    pub fn family(family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: RangeSetBlaze::universe(), v6: RangeSetBlaze::new() },
            Family::V6 => Self { v4: RangeSetBlaze::new(), v6: RangeSetBlaze::universe() },
        }
    }

    /// Every address of the given families.
    pub fn families(families: Families) -> Self {
        families.iter().fold(Self::none(), |set, f| set.union(&Self::family(f)))
    }

    /// Tells whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Tells whether the set holds an address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.v4.contains(a),
            IpAddr::V6(a) => self.v6.contains(a),
        }
    }

    /// Tells whether every address of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Tells whether no address is in both sets.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.v4.is_disjoint(&other.v4) && self.v6.is_disjoint(&other.v6)
    }

    /// Returns the addresses in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: &self.v4 | &other.v4, v6: &self.v6 | &other.v6 }
    }

    /// Returns the addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: &self.v4 & &other.v4, v6: &self.v6 & &other.v6 }
    }

    /// Returns the addresses of this set that `other` lacks.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: &self.v4 - &other.v4, v6: &self.v6 - &other.v6 }
    }

    /// Returns the part of the set in one family.
    #[must_use]
    pub fn only(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: self.v4.clone(), v6: RangeSetBlaze::new() },
            Family::V6 => Self { v4: RangeSetBlaze::new(), v6: self.v6.clone() },
        }
    }

    /// Returns the families of which the set holds an address.
    pub fn families_present(&self) -> Families {
        Families { v4: !self.v4.is_empty(), v6: !self.v6.is_empty() }
    }

    /// Lists the ranges, IPv4 first, ascending, disjoint and merged.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> + '_ {
        let v4 = self
            .v4
            .ranges()
            .map(|r| AddressRange { from: (*r.start()).into(), to: (*r.end()).into() });
        let v6 = self
            .v6
            .ranges()
            .map(|r| AddressRange { from: (*r.start()).into(), to: (*r.end()).into() });
        v4.chain(v6)
    }

    /// Returns the lowest address, IPv4 before IPv6.
    pub fn first(&self) -> Option<IpAddr> {
        self.v4.first().map(IpAddr::from).or_else(|| self.v6.first().map(IpAddr::from))
    }
}

impl From<IpNet> for IpSet {
    fn from(net: IpNet) -> Self {
        [AddressRange { from: net.network(), to: net.broadcast() }].into_iter().collect()
    }
}

impl From<IpAddr> for IpSet {
    fn from(address: IpAddr) -> Self {
        [AddressRange { from: address, to: address }].into_iter().collect()
    }
}

/// Ranges whose ends are of two families are left out.
impl FromIterator<AddressRange> for IpSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        let mut set = Self::none();
        for range in ranges {
            match (range.from, range.to) {
                (IpAddr::V4(a), IpAddr::V4(b)) => {
                    set.v4.ranges_insert(a..=b);
                }
                (IpAddr::V6(a), IpAddr::V6(b)) => {
                    set.v6.ranges_insert(a..=b);
                }
                _ => {}
            }
        }
        set
    }
}

/// Prints the ranges separated by commas.
impl fmt::Display for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges().enumerate() {
            write!(f, "{}{range}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

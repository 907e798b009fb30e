//! Lists of small values, one behind the other: a table that is made once and then read.

/// Lists by number.
#[derive(Debug)]
pub(crate) struct Lists {
    /// Where each list begins, and where the last one ends.
    first: Vec<u32>,
    entries: Vec<u32>,
}

impl Lists {
    /// Sorts entries into `lists` lists; `each` calls its argument with the number of a list and an entry of it, the same calls
    /// whenever it is called. A list has its entries in the order of the calls.
    pub(crate) fn of(lists: usize, each: impl Fn(&mut dyn FnMut(u32, u32))) -> Self {
        let mut first = vec![0u32; lists + 1];
        each(&mut |list, _| first[list as usize + 1] += 1);
        let mut sum = 0;
        for place in &mut first {
            sum += *place;
            *place = sum;
        }
        let mut next = first.clone();
        let mut entries = vec![0; sum as usize];
        each(&mut |list, entry| {
            let place = &mut next[list as usize];
            entries[*place as usize] = entry;
            *place += 1;
        });
        Self { first, entries }
    }

    /// Returns a list.
    pub(crate) fn list(&self, at: u32) -> &[u32] {
        let at = at as usize;
        &self.entries[self.first[at] as usize..self.first[at + 1] as usize]
    }

    /// Lists the numbers of the lists that have entries.
    pub(crate) fn filled(&self) -> impl Iterator<Item = u32> {
        let all = (0u32..).zip(self.first.windows(2));
        all.filter(|(_, ends)| ends[0] < ends[1]).map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_in_which_they_were_told() {
        let pairs = [(2, 7), (0, 3), (2, 5), (0, 4)];
        let lists = Lists::of(4, |visit| pairs.iter().for_each(|(list, e)| visit(*list, *e)));
        assert_eq!([lists.list(0), lists.list(2)], [[3, 4], [7, 5]]);
        assert!(lists.list(1).is_empty() && lists.list(3).is_empty());
        assert_eq!(lists.filled().collect::<Vec<_>>(), [0, 2]);
    }
}

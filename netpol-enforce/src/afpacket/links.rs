//! Interfaces that go down, go away and come back: a port follows the name of its interface.

use super::AfPacket;
use super::netlink::{self, Link, LinkEvent};
use super::port::info_of;

impl AfPacket {
    /// Reads what changed among the links.
    pub(super) fn follow_links(&mut self) {
        match self.watch.read() {
            Ok(events) => events.iter().for_each(|event| self.follow(event)),
            // Messages were lost: ask.
            Err(_) => self.ask_for_links(),
        }
    }

    fn follow(&mut self, event: &LinkEvent) {
        for number in 0..self.ports.len() {
            match event {
                LinkEvent::Present(link) => self.follow_present(number, link),
                LinkEvent::Gone { index } => {
                    if self.open_index(number) == Some(*index) {
                        self.lose(number, "it is gone");
                    }
                }
            }
        }
    }

    fn follow_present(&mut self, number: usize, link: &Link) {
        let Some(info) = self.infos.get(number) else { return };
        match (self.open_index(number) == Some(link.index), info.name == link.name) {
            (true, true) => self.update(number, link),
            // Its policies belong to a name: under another it is not our port.
            (true, false) => self.lose(number, "it has another name"),
            (false, true) if self.open_index(number).is_none() => self.reopen(number, link),
            (false, _) => {}
        }
    }

    fn open_index(&self, number: usize) -> Option<i32> {
        let port = self.ports.get(number)?;
        port.socket().map(|_| port.index)
    }

    /// Asks for the link of each port, as if it had just been told.
    pub(super) fn ask_for_links(&mut self) {
        for number in 0..self.ports.len() {
            let Some(name) = self.infos.get(number).map(|info| info.name.clone()) else { continue };
            match netlink::link_by_name(&name) {
                Ok(Some(link)) => {
                    if self.open_index(number).is_some_and(|index| index != link.index) {
                        self.lose(number, "it was replaced");
                    }
                    self.follow_present(number, &link);
                }
                Ok(None) if self.open_index(number).is_some() => self.lose(number, "it is gone"),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Takes over what is told of a port's link.
    fn update(&mut self, number: usize, link: &Link) {
        if let (Some(port), Some(stats)) = (self.ports.get_mut(number), self.stats.get_mut(number))
        {
            stats.losses += u64::from(port.is_up && !link.is_up());
            port.is_up = link.is_up();
        }
        if let Some(info) = self.infos.get_mut(number) {
            *info = info_of(link);
        }
    }

    /// Closes a port whose interface is no longer there.
    fn lose(&mut self, number: usize, why: &str) {
        self.count_drops(number);
        if let (Some(port), Some(stats)) = (self.ports.get_mut(number), self.stats.get_mut(number))
        {
            // It is usually switched off first, which is counted then.
            stats.losses += u64::from(port.is_up);
            port.close();
        }
        self.warn_once(number, &format!("{why}: the port is closed until it is back"));
    }

    /// Opens a port again, if its interface is admitted.
    fn reopen(&mut self, number: usize, link: &Link) {
        if let Err(refused) = self.try_reopen(number, link) {
            self.warn_once(number, &format!("not used again: {refused}"));
        }
    }

    fn try_reopen(&mut self, number: usize, link: &Link) -> Result<(), String> {
        if !link.is_ethernet() {
            return Err("it carries no Ethernet".to_owned());
        }
        let names: Vec<&str> = self.infos.iter().map(|info| info.name.as_str()).collect();
        (self.admission)(&link.name, &names)?;
        let port = self.ports.get_mut(number).ok_or_else(String::new)?;
        port.reopen(link, self.settings, &mut self.warnings)
            .map_err(|(doing, error)| format!("{doing}: {error}"))?;
        if let Some(stats) = self.stats.get_mut(number) {
            stats.reopened += 1;
        }
        if let Some(info) = self.infos.get_mut(number) {
            *info = info_of(link);
        }
        Ok(())
    }
}

//! Interfaces that go down, go away, change and come back: a port follows the name of its interface, and is closed as long
//! as that is not admitted.

use super::AfPacket;
use super::netlink::{self, Link, LinkEvent};
use super::port::info_of;

impl AfPacket {
    /// Reads what changed among the links.
    pub(super) fn follow_links(&mut self) {
        let is_changed = if let Ok(events) = self.watch.read() {
            events.iter().fold(false, |is_changed, event| self.follow(event) | is_changed)
        } else {
            // Messages were lost: nobody knows about what.
            self.ask_for_links();
            true
        };
        if is_changed {
            self.ask_for_admission();
        }
    }

    /// Takes over an event. Returns whether ports may no longer be admitted, or may be again.
    fn follow(&mut self, event: &LinkEvent) -> bool {
        let mut is_changed = false;
        for number in 0..self.ports.len() {
            let open = self.open_index(number);
            match event {
                LinkEvent::Present(link) => is_changed |= self.follow_present(number, link),
                LinkEvent::Around { index } => {
                    is_changed |= open.is_some_and(|open| *index < 0 || open == *index);
                }
                LinkEvent::Gone { index } => {
                    if open == Some(*index) {
                        self.lose(number, "it is gone");
                    }
                }
            }
        }
        is_changed
    }

    fn follow_present(&mut self, number: usize, link: &Link) -> bool {
        let Some(info) = self.infos.get(number) else { return false };
        match (self.open_index(number) == Some(link.index), info.name == link.name) {
            (true, true) => return self.update(number, link),
            // Its policies belong to a name: under another it is not our port.
            (true, false) => self.lose(number, "it has another name"),
            (false, true) if self.open_index(number).is_none() => return self.reopen(number, link),
            (false, _) => {}
        }
        false
    }

    fn open_index(&self, number: usize) -> Option<i32> {
        let port = self.ports.get(number)?;
        port.socket().map(|_| port.index)
    }

    /// Asks for the link of each port, as if it had just been told: not every change is told by the kernel.
    pub(super) fn look_at_links(&mut self) {
        if self.ask_for_links() {
            self.ask_for_admission();
        }
    }

    fn ask_for_links(&mut self) -> bool {
        (0..self.ports.len())
            .fold(false, |is_changed, number| self.ask_for_link(number) | is_changed)
    }

    fn ask_for_link(&mut self, number: usize) -> bool {
        let Some(name) = self.infos.get(number).map(|info| info.name.clone()) else { return false };
        match netlink::link_by_name(&name) {
            Ok(Some(link)) => {
                if self.open_index(number).is_some_and(|index| index != link.index) {
                    self.lose(number, "it was replaced");
                }
                return self.follow_present(number, &link);
            }
            Ok(None) if self.open_index(number).is_some() => self.lose(number, "it is gone"),
            Ok(None) | Err(_) => {}
        }
        false
    }

    /// Asks for each port whether it may stay one, or be one again: what is wrong with one may be due to another.
    fn ask_for_admission(&mut self) {
        for number in 0..self.ports.len() {
            if self.open_index(number).is_none() {
                self.ask_for_link(number);
            } else if let Err(refused) = self.admit(number) {
                self.close(number, &format!("closed, since nothing may pass by it now: {refused}"));
            }
        }
    }

    fn admit(&mut self, number: usize) -> Result<(), String> {
        let names: Vec<&str> = self.infos.iter().map(|info| info.name.as_str()).collect();
        let name = names.get(number).ok_or_else(String::new)?;
        (self.admission)(name, &names)
    }

    /// Takes over what is told of a port's link. Returns whether the preflight would read something else there.
    fn update(&mut self, number: usize, link: &Link) -> bool {
        let mut is_changed = false;
        if let (Some(port), Some(stats)) = (self.ports.get_mut(number), self.stats.get_mut(number))
        {
            stats.losses += u64::from(port.is_up && !link.is_up());
            port.is_up = link.is_up();
            is_changed = !port.told.stands_as(link);
            port.told.clone_from(link);
        }
        if let Some(info) = self.infos.get_mut(number) {
            *info = info_of(link);
        }
        is_changed
    }

    /// Closes a port whose interface is no longer there.
    fn lose(&mut self, number: usize, why: &str) {
        self.close(number, &format!("{why}: the port is closed until it is back"));
    }

    fn close(&mut self, number: usize, warning: &str) {
        self.count_drops(number);
        if let (Some(port), Some(stats)) = (self.ports.get_mut(number), self.stats.get_mut(number))
        {
            // It is usually switched off before it goes, which is counted then.
            stats.losses += u64::from(port.is_up);
            port.close();
        }
        self.warn_once(number, warning);
    }

    /// Opens a port again, if its interface is admitted. Returns whether it was.
    fn reopen(&mut self, number: usize, link: &Link) -> bool {
        match self.try_reopen(number, link) {
            Ok(()) => {
                self.warn_once(number, "open again");
                true
            }
            Err(refused) => {
                let is_said =
                    self.ports.get(number).is_some_and(|port| port.said.ends_with(&refused));
                if !is_said {
                    self.warn_once(number, &format!("not used again: {refused}"));
                }
                false
            }
        }
    }

    fn try_reopen(&mut self, number: usize, link: &Link) -> Result<(), String> {
        if !link.is_ethernet() {
            return Err("it carries no Ethernet".to_owned());
        }
        self.admit(number)?;
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

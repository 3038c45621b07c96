// SPDX-License-Identifier: Apache-2.0

package ledger

// delivery (I10): every device of every member shows each message once, as history has it.
func (c *checker) delivery() {
	for conv, h := range c.final {
		for device, client := range c.devices {
			member, ok := c.members[conv][client]
			if !ok {
				continue
			}
			shown := c.shown(device, conv)
			for _, item := range h.Items {
				if !member.covers(item.Seq) {
					continue
				}
				got := shown[item.Seq]
				switch {
				case len(got) == 0:
					c.breach("I10", "%s never showed %s/%d", device, conv, item.Seq)
				case len(got) > 1:
					c.breach("I10", "%s showed %s/%d %d times", device, conv, item.Seq, len(got))
				case got[0].Msg != item.Msg || got[0].Marker != item.Marker:
					c.breach("I10", "%s showed another message at %s/%d than history holds", device, conv, item.Seq)
				}
			}
		}
	}
	for v, list := range c.delivers {
		h, ok := c.final[v.conv]
		for _, e := range list {
			if ok && (e.Seq < 1 || e.Seq > int64(len(h.Items))) {
				c.breach("I2", "%s showed %s/%d, which history does not hold", v.device, v.conv, e.Seq)
			}
		}
	}
}

// shown is what a device showed of a conversation, by seq.
func (c *checker) shown(device, conv string) map[int64][]Event {
	bySeq := map[int64][]Event{}
	for _, e := range c.delivers[view{device, conv}] {
		bySeq[e.Seq] = append(bySeq[e.Seq], e)
	}
	return bySeq
}

// displayOrder (I11): a device shows a conversation in the order of seq.
func (c *checker) displayOrder() {
	for v, list := range c.delivers {
		for i := 1; i < len(list); i++ {
			if list[i].Seq <= list[i-1].Seq {
				c.breach("I11", "%s showed %s/%d after %d", v.device, v.conv, list[i].Seq, list[i-1].Seq)
			}
		}
	}
}

// confidentiality (I14): nobody is shown, or reads, what lies outside their membership.
func (c *checker) confidentiality() {
	for v, list := range c.delivers {
		member, ok := c.members[v.conv][c.devices[v.device]]
		for _, e := range list {
			if !ok || !member.covers(e.Seq) {
				c.breach("I14", "%s showed %s/%d without being a member then", v.device, v.conv, e.Seq)
			}
		}
	}
	for _, h := range c.reads {
		member, ok := c.members[h.Conv][h.Client]
		for _, item := range h.Items {
			if !ok || !member.covers(item.Seq) {
				c.breach("I14", "%s read %s/%d without being a member then", h.Client, h.Conv, item.Seq)
			}
		}
	}
}

// oneHolder (I17): session epochs of a device only rise, and nothing is delivered under an epoch after a
// newer one is open.
func (c *checker) oneHolder() {
	for device, connections := range c.epochs {
		for i := 1; i < len(connections); i++ {
			if connections[i].Epoch <= connections[i-1].Epoch {
				c.breach("I17", "%s got session epoch %d after %d", device, connections[i].Epoch, connections[i-1].Epoch)
			}
		}
	}
	for v, list := range c.delivers {
		for _, e := range list {
			for _, open := range c.epochs[v.device] {
				if e.Epoch != 0 && open.Epoch > e.Epoch && open.ReturnAt < e.ReturnAt {
					c.breach("I17", "%s showed %s/%d under epoch %d though %d was open", v.device, v.conv, e.Seq, e.Epoch, open.Epoch)
					break
				}
			}
		}
	}
}

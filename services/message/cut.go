// SPDX-License-Identifier: Apache-2.0

package message

import "slices"

// cutting is the range of a page, split into what the user may see and what not. Both are in the
// order of seq and cover the range without a break.
type cutting struct {
	shown, hidden []Interval
	// anchor is the position that stays when the page is too long.
	anchor int64
}

// count is the number of positions shown.
func (c cutting) count() int64 {
	var n int64
	for _, i := range c.shown {
		n += i.To - i.From + 1
	}
	return n
}

// cutUp takes from a position upwards until limit positions are shown or the end is reached.
func cutUp(from, end, limit int64, visible []Interval) cutting {
	c := cutting{anchor: from}
	for _, v := range visible {
		if v.To < from {
			continue
		}
		if from > end || limit <= 0 {
			return c
		}
		if v.From > from {
			c.hide(from, min(v.From-1, end))
			from = v.From
		}
		if to := min(v.To, end, from+limit-1); from <= to {
			c.shown = append(c.shown, Interval{From: from, To: to})
			limit -= to - from + 1
			from = to + 1
		}
	}
	if limit > 0 {
		c.hide(from, end)
	}
	return c
}

// cutDown takes from a position downwards until limit positions are shown or the start is reached.
func cutDown(from, limit int64, visible []Interval) cutting {
	c := cutting{anchor: from}
	for _, v := range slices.Backward(visible) {
		if v.From > from {
			continue
		}
		if from < 1 || limit <= 0 {
			break
		}
		if v.To < from {
			c.hide(v.To+1, from)
			from = v.To
		}
		to := max(v.From, from-limit+1)
		c.shown = append(c.shown, Interval{From: to, To: from})
		limit -= from - to + 1
		from = to - 1
	}
	if limit > 0 {
		c.hide(1, from)
	}
	slices.Reverse(c.shown)
	slices.Reverse(c.hidden)
	return c
}

// cutAround takes half of the limit below a position and the rest from it on; what one side lacks the
// other gets.
func cutAround(seq, end, limit int64, visible []Interval) cutting {
	below := cutDown(seq-1, limit/2, visible)
	above := cutUp(seq, end, limit-below.count(), visible)
	below = cutDown(seq-1, limit-above.count(), visible)
	return cutting{
		shown:  append(below.shown, above.shown...),
		hidden: append(below.hidden, above.hidden...),
		anchor: seq,
	}
}

func (c *cutting) hide(from, to int64) {
	if from <= to {
		c.hidden = append(c.hidden, Interval{From: from, To: to})
	}
}

// trim drops items, farthest from the anchor first, until the page has at most MaxPageBytes; one item
// always stays. Gaps beyond a dropped item go too.
func (c cutting) trim(items []Message) ([]Message, []Interval) {
	weight := func(i int) int { return items[i].weight() }
	mid := min(len(items)-1, slices.IndexFunc(items, func(m Message) bool { return m.Seq >= c.anchor }))
	if mid < 0 {
		mid = len(items) - 1
	}
	low, high, left := mid, mid, MaxPageBytes-weight(mid)
	for up, down := true, true; up || down; {
		if up = up && high+1 < len(items) && weight(high+1) <= left; up {
			high++
			left -= weight(high)
		}
		if down = down && low > 0 && weight(low-1) <= left; down {
			low--
			left -= weight(low)
		}
	}
	gaps := slices.DeleteFunc(slices.Clone(c.hidden), func(gap Interval) bool {
		return low > 0 && gap.To < items[low].Seq || high < len(items)-1 && gap.From > items[high].Seq
	})
	return items[low : high+1], gaps
}

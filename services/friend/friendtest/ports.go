// SPDX-License-Identifier: Apache-2.0

package friendtest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/parley-chat/parley/services/friend"
	"github.com/parley-chat/parley/services/internal/ids"
	"github.com/parley-chat/parley/services/internal/textmatch"
)

// Users is a user service in memory.
type Users struct {
	mu       sync.Mutex // guards all below
	down     error
	calls    int
	profiles map[ids.UserID]friend.Profile
	phones   map[ids.UserID]friend.Phone
	noPhones error
	noNames  error
	size     int // of a page of Search at most; 0: any
}

// NewUsers makes one without people.
func NewUsers() *Users {
	return &Users{profiles: map[ids.UserID]friend.Profile{}, phones: map[ids.UserID]friend.Phone{}}
}

// Add makes a person.
func (u *Users) Add(name string) friend.Profile {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := friend.Profile{ID: ids.NewUser(), Username: name, Nickname: strings.ToUpper(name)}
	u.profiles[p.ID] = p
	return p
}

// PageSize cuts the answers of Search into pages.
func (u *Users) PageSize(size int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.size = size
}

// Delete removes a person.
func (u *Users) Delete(id ids.UserID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.profiles, id)
}

// ShowPhone has a person show a number to friends.
func (u *Users) ShowPhone(id ids.UserID, phone string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.phones[id] = friend.PhoneOf(phone)
}

// FailPhones makes Phones answer err.
func (u *Users) FailPhones(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.noPhones = err
}

// Phones answers those that are shown.
func (u *Users) Phones(_ context.Context, people []ids.UserID) (map[ids.UserID]friend.Phone, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls++
	if u.noPhones != nil {
		return nil, u.noPhones
	}
	found := map[ids.UserID]friend.Phone{}
	for _, id := range people {
		if phone, ok := u.phones[id]; ok {
			found[id] = phone
		}
	}
	return found, nil
}

// Fail makes every call answer err, until nil is set.
func (u *Users) Fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = err
}

// Calls is how many calls there were.
func (u *Users) Calls() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls
}

// Profiles answers those who exist.
func (u *Users) Profiles(_ context.Context, people []ids.UserID) (map[ids.UserID]friend.Profile, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls++
	if u.down != nil {
		return nil, u.down
	}
	found := map[ids.UserID]friend.Profile{}
	for _, id := range people {
		if p, ok := u.profiles[id]; ok {
			found[id] = p
		}
	}
	return found, nil
}

// Search finds the username that is the query, and those that begin with it in place of nicknames: the newest first,
// with pages of at most PageSize.
func (u *Users) Search(_ context.Context, search friend.UserSearch) (friend.UserPage, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.calls++
	if u.down != nil || search.Part == friend.OnlyNames && u.noNames != nil {
		return friend.UserPage{}, cmp.Or(u.down, u.noNames)
	}
	var page friend.UserPage
	for id, p := range u.profiles {
		exact := p.Username == search.Query
		wanted := exact == (search.Part == friend.OnlyExact) && strings.HasPrefix(p.Username, search.Query)
		if !wanted || slices.Contains(search.Excluded, id) || len(search.Among) > 0 && !slices.Contains(search.Among, id) {
			continue
		}
		hit := friend.UserHit{Profile: p}
		if !exact {
			hit.Spans = []textmatch.Span{{Start: 0, End: len(search.Query)}}
		}
		page.Hits = append(page.Hits, hit)
	}
	slices.SortFunc(page.Hits, func(a, b friend.UserHit) int { return b.Profile.ID.Compare(a.Profile.ID) })
	size := search.PageSize
	if u.size > 0 {
		size = min(size, u.size)
	}
	from, _ := strconv.Atoi(search.Token)
	if to := from + size; to < len(page.Hits) {
		page.Hits, page.Next = page.Hits[:to], strconv.Itoa(to)
	}
	page.Hits = page.Hits[from:]
	return page, nil
}

// FailNames makes searches of nicknames answer err.
func (u *Users) FailNames(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.noNames = err
}

// Companions is a message service that knows who is in groups together.
type Companions struct {
	mu     sync.Mutex // guards all below
	down   error
	groups [][]ids.UserID
}

// Group puts people into a group.
func (c *Companions) Group(people ...ids.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups = append(c.groups, people)
}

// Fail makes every call answer err.
func (c *Companions) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
}

// Companions implements friend.Companions.
func (c *Companions) Companions(_ context.Context, user ids.UserID, people []ids.UserID) ([]ids.UserID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []ids.UserID
	for _, group := range c.groups {
		for _, id := range people {
			if slices.Contains(group, user) && slices.Contains(group, id) {
				list = append(list, id)
			}
		}
	}
	return list, c.down
}

// Conversation is what the message service knows of a pair.
type Conversation struct {
	ID      ids.ConversationID
	Version int64
	Open    bool
}

// Conversations is a message service in memory: it ignores what is not newer.
type Conversations struct {
	mu    sync.Mutex // guards all below
	down  error
	calls int
	pairs map[friend.Pair]Conversation
}

// NewConversations makes one without conversations.
func NewConversations() *Conversations {
	return &Conversations{pairs: map[friend.Pair]Conversation{}}
}

// Fail makes every call answer err, until nil is set.
func (c *Conversations) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
}

// Calls is how many calls there were.
func (c *Conversations) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// Of is what is known of a pair.
func (c *Conversations) Of(a, b ids.UserID) Conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pairs[friend.PairOf(a, b)]
}

// Open opens a conversation.
func (c *Conversations) Open(_ context.Context, pair friend.Pair, version int64) (ids.ConversationID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.down != nil {
		return ids.ConversationID{}, c.down
	}
	known := c.pairs[pair]
	if known.ID.IsZero() {
		known.ID = ids.NewConversation()
	}
	if version > known.Version {
		known.Version, known.Open = version, true
	}
	c.pairs[pair] = known
	return known.ID, nil
}

// Close closes a conversation.
func (c *Conversations) Close(_ context.Context, pair friend.Pair, version int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if known, ok := c.pairs[pair]; c.down == nil && ok && version > known.Version {
		known.Version, known.Open = version, false
		c.pairs[pair] = known
	}
	return c.down
}

// Publisher remembers what was offered.
type Publisher struct {
	mu     sync.Mutex // guards events
	events []friend.Event
}

// Offer remembers.
func (p *Publisher) Offer(events ...friend.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
}

// Events are those that were offered.
func (p *Publisher) Events() []friend.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

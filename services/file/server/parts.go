// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"time"

	"github.com/parley-chat/parley/services/internal/identity"
	"github.com/parley-chat/parley/services/internal/process"
)

// Parts is what the surrounding process gives; what is missing is made from the Config.
type Parts struct {
	process.Parts

	// LinkKeys seal links, the first one, and check them, all; nil: loaded from Config.KeysDir.
	LinkKeys [][]byte
	// Store keeps bytes; nil: that of the Config. One that is given stays open.
	Store Store
	// Now is the clock by which links and uploads end; nil: that of the system.
	Now func() time.Time
}

func (p Parts) load(cfg Config) (Parts, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	var err error
	if p.Parts, err = p.Load(cfg.process()); err != nil || p.LinkKeys != nil {
		return p, err
	}
	if p.LinkKeys, err = identity.LoadFileLinkKeys(cfg.KeysDir); err != nil {
		return p, fmt.Errorf("load the key of links: %w", err)
	}
	return p, nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/api/component"
	"github.com/parley-chat/parley/services/internal/fault"
	"github.com/parley-chat/parley/services/internal/sqldb"
)

// ownerAlive is how long after its last sign of life an owner counts as alive. The message service gives
// one each minute, so four may be lost.
const ownerAlive = 5 * time.Minute

// adoptAny takes schemas over from whoever owns them.
const adoptAny = "any"

// claim is who wants to change schemas. Without a UID it is a person, who owns nothing and is not refused.
type claim struct {
	uid   string
	adopt string        // "any", or the UID of the owner that is no more
	wait  time.Duration // for another run
}

func claimOf(environ map[string]string, wait time.Duration) claim {
	return claim{uid: environ[component.EnvClusterUID], adopt: environ[component.EnvAdoptDatabase], wait: wait}
}

// may tells whether a schema of owner can be taken.
func (c claim) may(owner sqldb.Owner) bool {
	return c.uid == "" || owner.ClusterUID == "" || owner.ClusterUID == c.uid ||
		c.adopt == adoptAny || c.adopt == owner.ClusterUID || owner.Age >= ownerAlive
}

func (c claim) refuse(d database) error {
	return failure{reasonOwned, fmt.Errorf("%s: the schema %s belongs to another ChatCluster that is alive: choose another databasePrefix,"+
		" or name its UID in %s", d.name, d.place(), component.EnvAdoptDatabase)}
}

// refuseOwned looks at all schemas before the first is changed.
func (c claim) refuseOwned(ctx context.Context, wanted []database) error {
	for _, d := range wanted {
		if d.schema == "" {
			continue
		}
		owner, err := ownerOf(ctx, d)
		if err != nil {
			return explainMySQL(d, err)
		}
		if !c.may(owner) {
			return c.refuse(d)
		}
	}
	return nil
}

func ownerOf(ctx context.Context, d database) (owner sqldb.Owner, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := sqldb.Open(sqldb.Config{DSN: d.dsn, MaxOpenConns: 1})
	if err != nil {
		return owner, err
	}
	owner, err = db.Owner(ctx)
	return owner, errors.Join(err, db.Close())
}

// migrateOwned is migrateOne for one run at a time, which writes down whose the schema is and that a change
// is under way.
func (c claim) migrateOwned(ctx context.Context, d database) (version int64, text string, err error) {
	if d.schema == "" {
		return migrateOne(ctx, d)
	}
	db, err := sqldb.Open(sqldb.Config{DSN: d.dsn, MaxOpenConns: 2})
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.ExclusiveWithin(ctx, "migration", c.wait, func(ctx context.Context) (err error) {
		version, text, err = c.change(ctx, db, d)
		return err
	})
	if errors.Is(err, sqldb.ErrLocked) {
		err = failure{reasonLockHeld, fmt.Errorf("%s: another run changes the schema %s: wait for its end, then run again", d.name, d.place())}
	}
	return version, text, err
}

func (c claim) change(ctx context.Context, db *sqldb.DB, d database) (int64, string, error) {
	newest, err := d.newest()
	if err != nil {
		return 0, "", err
	}
	owner, err := db.Owner(ctx)
	if err != nil {
		return 0, "", err
	}
	if !c.may(owner) {
		return 0, "", c.refuse(d)
	}
	before, err := db.SchemaVersion(ctx)
	if err != nil {
		return 0, "", err
	}
	if err := db.Take(ctx, c.uid); err != nil {
		return 0, "", err
	}
	if before < newest {
		if err := db.MarkChange(ctx, newest); err != nil {
			return 0, "", err
		}
	}
	version, text, err := migrateOne(ctx, d)
	if err != nil {
		return version, text, dirty(d, owner, err)
	}
	if before > newest {
		return version, text, nil // what a newer program left is not ours to clear
	}
	return version, text, db.MarkChange(ctx, 0)
}

// dirty is err as it came, or, where an earlier run did not get through either and the server itself refuses
// the change, that a person must repair the schema. A run that was only killed is finished by the next.
func dirty(d database, owner sqldb.Owner, err error) error {
	if owner.Changing == 0 || errors.Is(err, fault.ErrUnavailable) || sqldb.ClassOf(err) != component.ClassReachable {
		return err
	}
	return failure{reasonDirty, fmt.Errorf("%s: an earlier run has begun to change the schema %s and it cannot be finished:"+
		" repair the schema, then run again: %w", d.name, d.place(), err)}
}

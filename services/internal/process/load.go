// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"

	"github.com/caarlos0/env/v11"

	"github.com/parley-chat/parley/api/component"
)

// LoadConfig reads a configuration from environment variables and answers all that Validate finds wrong.
// Addresses of dependencies may also come from a binding, see Complete.
func LoadConfig[C interface{ Validate() error }](environ map[string]string) (C, error) {
	return LoadConfigOf[C](environ, "")
}

// LoadConfigOf is LoadConfig for a component that may have a username of its own in a binding.
func LoadConfigOf[C interface{ Validate() error }](environ map[string]string, name component.Name) (C, error) {
	var none C
	environ, err := Complete(environ, name)
	if err != nil {
		return none, fmt.Errorf("read the bindings: %w", err)
	}
	cfg, err := env.ParseAsWithOptions[C](env.Options{Environment: environ})
	if err != nil {
		return none, fmt.Errorf("read environment: %w", err)
	}
	return cfg, cfg.Validate()
}

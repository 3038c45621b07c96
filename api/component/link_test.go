// SPDX-License-Identifier: Apache-2.0

package component_test

import (
	"crypto/sha256"
	"regexp"
	"testing"

	"github.com/parley-chat/parley/api/component"
)

func TestALinkForAdministrators(t *testing.T) {
	t.Parallel()
	token, hash := component.NewAdministratorToken()
	other, _ := component.NewAdministratorToken()
	if token == other || !regexp.MustCompile(`^parley_a1_[\w-]{43}$`).MatchString(token) || hash != sha256.Sum256([]byte(token)) {
		t.Errorf("token %q and %q, hash %x", token, other, hash)
	}
	for _, base := range []string{"https://chat.example.com", "https://chat.example.com/"} {
		if got := component.AdministratorLink(base, "t"); got != "https://chat.example.com/#/administrator/t" {
			t.Errorf("link %q", got)
		}
	}
}

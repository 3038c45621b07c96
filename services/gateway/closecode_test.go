// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"strings"
	"testing"
	"time"

	gatewayv1 "github.com/parley-chat/parley/api/gen/parley/gateway/v1"
	"github.com/parley-chat/parley/services/gateway"
)

// TestEveryCloseCodeHasARule walks the contract: the range of a code decides, and the names agree.
func TestEveryCloseCodeHasARule(t *testing.T) {
	t.Parallel()
	ranges := map[int32]gateway.Rule{
		40: gateway.RuleResume, 41: gateway.RuleSync, 42: gateway.RuleWait, 43: gateway.RuleLogin, 44: gateway.RuleStop,
	}
	for number, name := range gatewayv1.CloseCode_name {
		if number == 0 {
			continue
		}
		code := gateway.CloseCode(number)
		want, ok := ranges[number/100]
		if !ok || code.Rule() != want {
			t.Errorf("%s: rule %d, want %d", name, code.Rule(), want)
		}
		if got := code.Name(); got != strings.TrimPrefix(name, "CLOSE_CODE_") {
			t.Errorf("%s is called %q", name, got)
		}
	}
}

func TestRulesOfOtherCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[gateway.CloseCode]gateway.Rule{
		1000: gateway.RuleNone, 1001: gateway.RuleResume, 1005: gateway.RuleResume, 1006: gateway.RuleResume,
		1011: gateway.RuleResume, 1012: gateway.RuleResume, 1015: gateway.RuleResume, 1002: gateway.RuleStop,
		1003: gateway.RuleStop, 1007: gateway.RuleStop, 1008: gateway.RuleStop, 1009: gateway.RuleStop,
		1010: gateway.RuleStop, 1013: gateway.RuleWait, 4099: gateway.RuleResume, 4199: gateway.RuleSync,
		4299: gateway.RuleWait, 4399: gateway.RuleLogin, 4499: gateway.RuleStop, 4500: gateway.RuleResume,
		4999: gateway.RuleResume,
	} {
		if got := code.Rule(); got != want {
			t.Errorf("%d: rule %d, want %d", code, got, want)
		}
	}
}

func TestCloseReason(t *testing.T) {
	t.Parallel()
	pace := gateway.Pace{After: 5 * time.Second, Jitter: 30 * time.Second}
	if got := gateway.CloseMaintenance.Reason(pace); got != "MAINTENANCE;after=5000;jitter=30000" {
		t.Errorf("got %q", got)
	}
	if got := gateway.CloseMoved.Reason(gateway.Pace{}); got != "MOVED" {
		t.Errorf("got %q", got)
	}
}

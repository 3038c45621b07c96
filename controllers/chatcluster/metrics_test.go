// SPDX-License-Identifier: Apache-2.0

package chatcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	chatv1alpha1 "github.com/parley-chat/parley/api/v1alpha1"
)

// lines of all metrics that have a value, as name{labels} value or count.
func lines(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			value := metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			list = append(list, fmt.Sprintf("%s{%s} %v", family.GetName(), strings.Join(labels, ","), value))
		}
	}
	return list
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry, m, known := prometheus.NewRegistry(), newMetrics(), memory{}
	if err := m.register(registry); err != nil {
		t.Fatal(err)
	}
	m.stepped("bind", waiting(chatv1alpha1.ReasonWaiting, "wait", time.Minute), time.Second)
	m.stepped("bind", errors.New("refused"), time.Second)
	m.stepped("apply", nil, time.Second)
	blue, red := types.NamespacedName{Name: "blue"}, types.NamespacedName{Name: "red"}
	m.show(known.show(known.of(blue, "1"), "ready", 0))
	m.show(known.show(known.of(red, "2"), "stalled", 70))
	for _, want := range []string{
		"parley_operator_step_seconds{outcome=waiting,step=bind} 1",
		"parley_operator_step_seconds{outcome=failed,step=bind} 1",
		"parley_operator_step_seconds{outcome=done,step=apply} 1",
		"parley_operator_chatclusters{state=ready} 1",
		"parley_operator_chatclusters{state=stalled} 1",
		"parley_operator_chatclusters{state=reconciling} 0",
		"parley_operator_drain_sessions{state=remaining} 70",
	} {
		if got := lines(t, registry); !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
	m.show(known.forget(red))
	for _, want := range []string{"parley_operator_chatclusters{state=stalled} 0", "parley_operator_drain_sessions{state=remaining} 0"} {
		if got := lines(t, registry); !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
}

func TestARecordIsOfOneObject(t *testing.T) {
	t.Parallel()
	var known memory
	key := types.NamespacedName{Name: "acme"}
	known.of(key, "1").passes = 7
	if known.of(key, "1").passes != 7 {
		t.Error("it was forgotten")
	}
	if known.of(key, "2").passes != 0 {
		t.Error("one that was made anew has the record of the one before")
	}
}

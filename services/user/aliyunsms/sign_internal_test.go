// SPDX-License-Identifier: Apache-2.0

package aliyunsms

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The example of the vendor's documentation of request signature V3.
func TestTheSignatureIsThatOfTheVendorsExample(t *testing.T) {
	t.Parallel()
	query := canonicalQuery(map[string]string{
		"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai",
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ecs.cn-shanghai.aliyuncs.com/?"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, call{
		action: "RunInstances", version: "2014-05-26", nonce: "3156853299f313e23d1673dc12e1703d",
		at: time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC),
	}, "YourAccessKeyId", "YourAccessKeySecret")
	const want = "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
	if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheQueryIsEscapedAsTheSignatureWants(t *testing.T) {
	t.Parallel()
	got := canonicalQuery(map[string]string{"b": "a b*c~d+e/f", "a": "验证码", "B": `{"code":"1"}`})
	const want = "B=%7B%22code%22%3A%221%22%7D&a=%E9%AA%8C%E8%AF%81%E7%A0%81&b=a%20b%2Ac~d%2Be%2Ff"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

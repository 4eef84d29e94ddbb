package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// names gives the names of the devices in a list, sorted.
func (r *reply) names() []string {
	names := []string{}
	rows, _ := r.json["value"].([]any)
	for _, row := range rows {
		names = append(names, row.(map[string]any)["deviceName"].(string))
	}
	slices.Sort(names)
	return names
}

// TestMatchingDevices tries rules before they are anyone's, and then makes them
// groups' with the same members.
func TestMatchingDevices(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		secret := s.enrollmentSecret(t)
		for _, name := range []string{"web-1", "web-2", "db-1"} {
			if _, err := newAgent(t, s).Enroll(t.Context(), secret, machine(name), ""); err != nil {
				t.Fatal(err)
			}
		}
		const path = "/deviceManagement/plimsoll.matchingDevices"
		for rule, want := range map[string]int{
			`device.displayName -startsWith 'web'`:                                  2,
			`device.displayName -match '1$'`:                                        2,
			`(device.displayName -eq 'db-1') -or device.displayName -in ['web-2']`:  2,
			`-not (device.displayName -contains 'b')`:                               0,
			`device.operatingSystem -eq 'linux' -and device.displayName -ne 'db-1'`: 2,
		} {
			body := fmt.Sprintf(`{"rule":%q}`, rule)
			first := s.must(t, http.StatusOK, "POST", path+"?$select=deviceName&$top=1", body).json
			rows, _ := first["value"].([]any)
			if first["@odata.count"] != float64(want) || len(rows) != min(want, 1) {
				t.Errorf("%s: %v", rule, first)
			}
			told := s.must(t, http.StatusOK, "POST", path, body).names()
			if len(told) != want {
				t.Errorf("%s: %v", rule, told)
			}
			group := s.must(t, http.StatusCreated, "POST", "/groups", fmt.Sprintf(`{"displayName":"x","mailNickname":"x","mailEnabled":false,
				"securityEnabled":true,"groupTypes":["DynamicMembership"],"membershipRule":%q}`, rule)).json["id"].(string)
			waitUntil(t, "the group has the devices that were told: "+rule, func() bool {
				return slices.Equal(told, s.must(t, http.StatusOK, "GET", "/groups/"+group+"/members", "").names())
			})
		}
		for body, message := range map[string]string{
			`{"rule":"device.nothing -eq 'x'"}`: "character 1",
			`{"rule":""}`:                       "rule",
			`{"rule":1}`:                        "rule must be",
			`{}`:                                "rule is missing",
			`{"rules":"x"}`:                     "rules",
		} {
			if r := s.must(t, http.StatusBadRequest, "POST", path, body); !strings.Contains(r.text, message) {
				t.Errorf("%s: %s", body, r.text)
			}
		}
		var reader credentials
		command(t, &reader, "client", "create", "--store", store, "--name", "groups", "--permission", "Group.Read.All")
		s.token = s.signIn(t, &reader)
		s.must(t, http.StatusForbidden, "POST", path, `{"rule":"device.displayName -eq 'x'"}`)
	})
}

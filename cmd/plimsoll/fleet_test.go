package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	devices           = "/deviceManagement/managedDevices"
	tokens            = "/deviceManagement/enrollmentTokens"
	assignmentFilters = "/deviceManagement/assignmentFilters"
)

// onBothFleets runs a test on each engine, as a client who may do everything
// with devices and with groups.
func onBothFleets(t *testing.T, run func(t *testing.T, s *testServer)) {
	t.Helper()
	onEachEngine(t, func(t *testing.T, store string) {
		t.Helper()
		s := signedIn(t, store)
		var c credentials
		command(t, &c, "client", "create", "--store", store, "--name", "fleet",
			"--permission", "Group.ReadWrite.All", "--permission", "DeviceManagementConfiguration.ReadWrite.All")
		s.token = s.signIn(t, &c)
		run(t, s)
	})
}

// newEnrollment makes an enrolment token and gives its secret.
func (s *testServer) newEnrollment(t *testing.T) string {
	t.Helper()
	return s.must(t, http.StatusCreated, "POST", tokens, `{"displayName":"all"}`).json["token"].(string)
}

// addDevice makes a device of that name, as its agent would, and gives its id.
func (s *testServer) addDevice(t *testing.T, secret, name, operatingSystem string) string {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	body := fmt.Sprintf(`{"token":%q,"publicKey":%q,"inventory":{"deviceName":%s,"operatingSystem":%q,"osVersion":"12.1","totalStorageSpaceInBytes":5000000000}}`,
		secret, base64.StdEncoding.EncodeToString(key), quotedJSON(name), operatingSystem)
	r, err := s.send(t.Context(), "POST", s.URL+"/agent/v1/enroll", body)
	if err != nil || r.StatusCode >= 300 {
		t.Fatalf("enrol: %v %s", err, r.text)
	}
	return r.json["deviceId"].(string)
}

// listed gives the members of a list by one property, in their order.
func (s *testServer) listed(t *testing.T, path, property string) string {
	t.Helper()
	var values []string
	for _, row := range s.must(t, http.StatusOK, "GET", strings.ReplaceAll(path, " ", "%20"), "").json["value"].([]any) {
		values = append(values, fmt.Sprint(row.(map[string]any)[property]))
	}
	return strings.Join(values, " ")
}

func (s *testServer) counted(t *testing.T, path, want string) {
	t.Helper()
	if r := s.must(t, http.StatusOK, "GET", strings.ReplaceAll(path, " ", "%20"), ""); r.text != want {
		t.Errorf("%s: %s, want %s", path, r.text, want)
	}
}

// TestManagedDevices enrols devices, finds them and changes one.
func TestManagedDevices(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret := s.newEnrollment(t)
		web := s.addDevice(t, secret, "web-1", "Linux")
		s.addDevice(t, secret, "desk-1", "Windows")
		s.addDevice(t, secret, "web-2", "Linux")
		for query, want := range map[string]string{
			"?$orderby=deviceName": "desk-1 web-1 web-2",
			"?$filter=operatingSystem eq 'Linux'&$orderby=deviceName desc":                               "web-2 web-1",
			"?$filter=complianceState eq 'unknown' and managementAgent eq 'unknown'&$orderby=deviceName": "desk-1 web-1 web-2",
			"?$filter=totalStorageSpaceInBytes gt 4999999999 and startswith(deviceName,'desk')":          "desk-1",
			"?$filter=managedDeviceOwnerType eq 'company' and notes eq null&$orderby=deviceName&$top=1":  "desk-1",
			"?$filter=azureADDeviceId eq '" + web + "'":                                                  "web-1",
			"?$search=desk": "desk-1",
		} {
			if got := s.listed(t, devices+query, "deviceName"); got != want {
				t.Errorf("%s gives %s, want %s", query, got, want)
			}
		}
		s.counted(t, devices+"/$count", "3")
		s.counted(t, devices+"/$count?$filter=startswith(deviceName,'web')", "2")
		path := devices + "/" + web
		read := s.must(t, http.StatusOK, "GET", path, "")
		etag := read.json["@odata.etag"].(string)
		if read.json["osVersion"] != "12.1" || read.json["serialNumber"] != nil || read.json["complianceState"] != "unknown" {
			t.Error(read.text)
		}
		changed := s.must(t, http.StatusOK, "PATCH", path, `{"notes":"in rack 4","deviceCategoryDisplayName":"Servers","deviceName":"x"}`, "If-Match", etag)
		if changed.json["notes"] != "in rack 4" || changed.json["deviceName"] != "web-1" || changed.json["@odata.etag"] == etag {
			t.Error(changed.text)
		}
		s.must(t, http.StatusPreconditionFailed, "DELETE", path, "", "If-Match", etag)
		s.must(t, http.StatusNoContent, "DELETE", path, "")
		s.must(t, http.StatusNotFound, "GET", path, "")
		s.counted(t, devices+"/$count", "2")
		first := s.must(t, http.StatusOK, "GET", devices+"?$top=1&$orderby=operatingSystem", "")
		link, _ := first.json["@odata.nextLink"].(string)
		if got := s.listed(t, link, "deviceName"); got == "" {
			t.Error(first.text)
		}
		if got := s.listed(t, tokens+"?$filter=uses eq 3 and revokedDateTime eq null", "uses"); got != "3" {
			t.Errorf("uses: %s", got)
		}
		s.counted(t, tokens+"/$count", "1")
		id := s.listed(t, tokens, "id")
		s.must(t, http.StatusNoContent, "DELETE", tokens+"/"+id, "")
		if revoked := s.must(t, http.StatusOK, "GET", tokens+"/"+id, ""); revoked.json["revokedDateTime"] == nil || revoked.json["token"] != nil {
			t.Error(revoked.text)
		}
	})
}

// TestGroupsOfDevices puts devices into a group, and takes them out.
func TestGroupsOfDevices(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret := s.newEnrollment(t)
		one, two := s.addDevice(t, secret, "one", "Linux"), s.addDevice(t, secret, "two", "Linux")
		made := s.must(t, http.StatusCreated, "POST", "/groups", `{"displayName":"Web servers","mailEnabled":false,"mailNickname":"web","securityEnabled":true,
			"members@odata.bind":["`+s.URL+`/beta/directoryObjects/`+one+`"]}`)
		path := "/groups/" + made.json["id"].(string)
		s.must(t, http.StatusNoContent, "POST", path+"/members/$ref", `{"@odata.id":"`+s.URL+"/beta"+devices+`('`+two+`')"}`)
		if got := s.listed(t, path+"/members?$orderby=deviceName&$select=deviceName", "deviceName"); got != "one two" {
			t.Errorf("members: %s", got)
		}
		s.counted(t, path+"/members/$count", "2")
		s.must(t, http.StatusNoContent, "DELETE", path+"/members/"+one+"/$ref", "")
		s.counted(t, path+"/members/$count", "1")
		expanded := s.must(t, http.StatusOK, "GET", path+"?$expand=members($select=deviceName)", "")
		if rows, _ := expanded.json["members"].([]any); len(rows) != 1 || rows[0].(map[string]any)["deviceName"] != "two" {
			t.Error(expanded.text)
		}
		s.must(t, http.StatusNotFound, "POST", path+"/members/$ref", `{"@odata.id":"https://host/devices/missing"}`)
		s.must(t, http.StatusNotFound, "POST", "/groups", `{"displayName":"None","members@odata.bind":["https://host/devices/missing"]}`)
		const dynamic = `{"displayName":"Rule","groupTypes":["DynamicMembership"],"membershipRule":"(device.deviceName -startsWith \"t\")","membershipRuleProcessingState":"Paused"}`
		ruled := "/groups/" + s.must(t, http.StatusCreated, "POST", "/groups", dynamic).json["id"].(string)
		s.must(t, http.StatusBadRequest, "POST", ruled+"/members/$ref", `{"@odata.id":"https://host/devices/`+one+`"}`)
		for query, want := range map[string]string{
			"?$orderby=displayName":                                                    "Rule Web servers",
			"?$filter=groupTypes/any(g: g eq 'DynamicMembership')":                     "Rule",
			"?$filter=membershipRuleProcessingState eq 'Paused' and securityEnabled":   "Rule",
			"?$filter=startswith(displayName,'Web') and mailNickname eq 'web'":         "Web servers",
			"?$filter=membershipRule eq null and createdDateTime gt 2020-01-01&$top=5": "Web servers",
		} {
			if got := s.listed(t, "/groups"+query, "displayName"); got != want {
				t.Errorf("%s gives %s, want %s", query, got, want)
			}
		}
		s.counted(t, "/groups/$count", "2") // the one that could not be whole is not there
		s.must(t, http.StatusBadRequest, "PATCH", ruled, `{"membershipRule":"(device.deviceName"}`)
		s.must(t, http.StatusOK, "PATCH", ruled, `{"groupTypes":[]}`)
		s.must(t, http.StatusNoContent, "DELETE", ruled, "")
		s.must(t, http.StatusNotFound, "GET", ruled, "")
	})
}

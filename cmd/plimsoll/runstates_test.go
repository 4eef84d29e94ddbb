package main

import (
	"net/http"
	"testing"
)

// TestRunStates writes run states by hand, and finds them.
func TestRunStates(t *testing.T) {
	t.Parallel()
	onBothFleets(t, func(t *testing.T, s *testServer) {
		t.Helper()
		secret := s.newEnrollment(t)
		one, two := s.addDevice(t, secret, "one", "Linux"), s.addDevice(t, secret, "two", "Windows")
		script := s.addScript(t)
		path := scripts + "/" + script + "/deviceRunStates"
		made := s.must(t, http.StatusCreated, "POST", path, `{"managedDevice@odata.bind":"`+s.URL+"/beta"+devices+"/"+one+`",
			"detectionState":"fail","scriptOutput":"no disk key","lastStateUpdateDateTime":"2026-01-01T00:01:17.4310553-08:00"}`)
		if made.json["id"] != script+":"+one || made.json["lastStateUpdateDateTime"] != "2026-01-01T08:01:17.4310553Z" {
			t.Error(made.text)
		}
		s.must(t, http.StatusCreated, "POST", path, `{"id":"`+two+`","detectionState":"success"}`)
		for query, want := range map[string]string{
			"?$filter=detectionState eq 'fail'":                                           "fail",
			"?$filter=detectionState eq microsoft.graph.runState'success'":                "success",
			"?$filter=contains(scriptOutput,'disk') and scriptError eq null":              "fail",
			"?$filter=managedDevice/operatingSystem eq 'Windows'":                         "success",
			"?$orderby=managedDevice/deviceName desc":                                     "success fail",
			"?$orderby=lastStateUpdateDateTime desc&$filter=lastSyncDateTime le now()":    "fail success",
			"?$orderby=detectionState desc&$expand=managedDevice($select=deviceName)":     "fail success",
			"?$filter=lastStateUpdateDateTime ge 2026-01-01T00:00:00Z&$count=true&$top=5": "fail",
		} {
			if got := s.listed(t, path+query, "detectionState"); got != want {
				t.Errorf("%s gives %s, want %s", query, got, want)
			}
		}
		s.counted(t, path+"/$count", "2")
		s.counted(t, path+"/$count?$filter=managedDevice/deviceName eq 'one'", "1")
		expanded := s.must(t, http.StatusOK, "GET", path+"/"+script+":"+one+"?$expand=managedDevice($select=deviceName,osVersion)", "")
		device, _ := expanded.json["managedDevice"].(map[string]any)
		if device["deviceName"] != "one" || device["osVersion"] != "12.1" || device["model"] != nil {
			t.Error(expanded.text)
		}
		changed := s.must(t, http.StatusOK, "PATCH", path+"/"+script+":"+two, `{"detectionState":"scriptError","scriptError":"timed out"}`)
		if changed.json["scriptError"] != "timed out" {
			t.Error(changed.text)
		}
		summary := s.must(t, http.StatusOK, "GET", scripts+"/"+script+"/runSummary", "")
		if summary.json["issueDetectedDeviceCount"] != 1.0 || summary.json["detectionScriptErrorDeviceCount"] != 1.0 {
			t.Error(summary.text)
		}
		s.must(t, http.StatusNoContent, "DELETE", path+"/"+script+":"+two, "")
		s.must(t, http.StatusNotFound, "GET", path+"/"+script+":"+two, "")
		s.must(t, http.StatusNotFound, "POST", path, `{"id":"missing","detectionState":"success"}`)
		s.must(t, http.StatusBadRequest, "POST", path, `{"detectionState":"success"}`)
	})
}

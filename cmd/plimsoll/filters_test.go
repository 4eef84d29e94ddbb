package main

import (
	"net/http"
	"strings"
	"testing"
)

// all are the letters of every script, and ran those of the scripts that have a
// run summary.
const (
	all = "abcdefgh"
	ran = "acdfh"
)

// filters are texts of $filter and what each finds.
func filters() [][2]string {
	return [][2]string{
		// Text: operators, quotes, the order of code points.
		{"displayName eq 'disk'", "e"},
		{"displayName eq 'Disk'", ""},
		{"displayName eq 'O''Brien''s \"firewall\"'", "b"},
		{"displayName ne 'disk'", "abcdfgh"},
		{"displayName gt 'a'", "cegh"},
		{"displayName lt 'O'", "ad"},
		{"displayName ge 'disk' and displayName le 'disk'", "e"},
		{"'disk' eq displayName", "e"},
		{"displayName  eq\t'disk' ", "e"},
		{"displayName EQ 'disk'", "e"},
		{"version lt '2'", "adefg"},
		{"version eq ''", "e"},
		{"displayName eq publisher", ""},
		// Null: equal to itself alone, in no order, and contagious but for comparisons.
		{"description eq null", "adgh"},
		{"description ne null", "bcef"},
		{"null eq description", "adgh"},
		{"description ne 'x'", all},
		{"publisher eq null and version ne null", "bg"},
		{"publisher ne 'Contoso'", "bcdefgh"},
		{"publisher gt ''", "acdefh"},
		{"publisher gt null", ""},
		{"publisher le null", ""},
		{"not (publisher gt '')", "bg"},
		{"contains(description,'e')", "cef"},
		{"not contains(description,'e')", "b"},
		{"contains(description,'e') eq null", "adgh"},
		{"contains(description,'e') ne true", "abdgh"},
		{"not contains(description,'e') or true", all},
		{"length(description) eq null", "adgh"},
		{"concat(publisher,null) eq null", all},
		{"tolower(null) eq null", all},
		{"null eq null", all},
		{"null", ""},
		{"not null", ""},
		{"true", all},
		{"not false", all},
		{"false", ""},
		{"", all},
		{"  ", all},
		// Functions of text.
		{"startswith(displayName,'disk')", "e"},
		{"startswith(tolower(displayName),'disk')", "ae"},
		{"startswith(displayName,'')", all},
		{"startswith(displayName,'Ä')", "c"},
		{"startswith(displayName,'é')", ""},
		{"startswith(displayName,publisher)", ""},
		{"endswith(displayName,'%')", "f"},
		{"endswith(displayName,'𝒳')", "c"},
		{"endswith(displayName,'longer than any name that is there')", ""},
		{"contains(displayName,'%')", "f"},
		{"contains(displayName,'_')", ""},
		{"contains(description,'% _')", "c"},
		{"contains(displayName,'\\')", "f"},
		{"contains(displayName,'''')", "bd"},
		{"contains(description,'\n')", "f"},
		{"contains(displayName,displayName)", all},
		{"tolower(displayName) eq 'ärger ☃ 𝒳'", "c"},
		{"toupper(publisher) eq 'ÜNÏCODE'", "f"},
		{"toupper(displayName) eq 'STRAßE İI'", "g"},
		{"trim(publisher) eq 'padded'", "d"},
		{"length(displayName) eq 9", "cg"},
		{"length(publisher) eq 6", "h"},
		{"indexof(displayName,'☃') eq 6", "c"},
		{"indexof(displayName,'nothing') eq -1", all},
		{"indexof(description,'') eq 0", "bcef"},
		{"substring(displayName,8) eq '𝒳'", "c"},
		{"substring(displayName,0,4) eq 'Disk'", "a"},
		{"substring(displayName,4,1000) eq ''", "e"},
		{"substring(displayName,-3,2) eq 'di'", "e"},
		{"substring(displayName,runSummary/issueDetectedDeviceCount,2) eq 'sk'", "a"},
		{"concat(concat(publisher,'/'),version) eq 'Contoso/1.0'", "a"},
		// Booleans and enums.
		{"enforceSignatureCheck", "ae"},
		{"enforceSignatureCheck eq true and runAs32Bit eq false", "a"},
		{"not runAs32Bit", "acdfgh"},
		{"not runAs32Bit and enforceSignatureCheck", "a"},
		{"enforceSignatureCheck gt runAs32Bit", "a"},
		{"enforceSignatureCheck eq runAs32Bit", "cdefgh"},
		{"(displayName eq 'disk') eq runAs32Bit", "acdefgh"},
		{"platform eq 'linux'", "bf"},
		{"platform eq microsoft.graph.deviceComplianceScriptPlatformType'linux'", "bf"},
		{"'linux' eq platform", "bf"},
		{"platform ne 'linux'", "acdegh"},
		{"not (platform eq 'linux')", "acdegh"},
		{"platform eq null", "deg"},
		{"platform gt 'windows10'", "bcf"},
		{"platform le 'linux'", "abfh"},
		{"platform has 'macOS'", "c"},
		{"platform has microsoft.graph.deviceComplianceScriptPlatformType'macOS'", "c"},
		{"platform eq 'unknownFutureValue'", ""},
		{"runAsAccount eq 'user' or platform eq 'macOS'", "bcf"},
		{"platform in ('macOS','linux')", "bcf"},
		{"platform in ('linux',null)", "bdefg"},
		{"not (platform in ('linux'))", "acdegh"},
		// What in takes.
		{"displayName in ('disk','none','Disk encryption')", "ae"},
		{"publisher in (null)", "bg"},
		{"version in (displayName,'x')", "h"},
		{"null in (publisher,version)", "bcg"},
		{"runSummary/issueDetectedDeviceCount in (2,7.0)", "afh"},
		{"runSummary/issueDetectedDeviceCount in (null,11)", "bceg"},
		{"'x' in roleScopeTagIds", "cd"},
		{"version in roleScopeTagIds", ""},
		{"null in roleScopeTagIds", ""},
		{"not ('0' in roleScopeTagIds)", "bdeg"},
		// Collections.
		{"roleScopeTagIds/any(t: t eq '0')", "acfh"},
		{"roleScopeTagIds/any(t:t eq '0''')", "e"},
		{"roleScopeTagIds/any(t: t eq '\"q\"') and roleScopeTagIds/any(t: t eq '[1]')", "e"},
		{"roleScopeTagIds/any()", "acdefgh"},
		{"not roleScopeTagIds/any()", "b"},
		{"roleScopeTagIds/all(t: t eq 'x')", "bd"},
		{"not roleScopeTagIds/all(t: t eq 'x')", "acefgh"},
		{"roleScopeTagIds/any(t: toupper(t) eq 'Ü')", "g"},
		{"roleScopeTagIds/any(t: t in ('1','x'))", "cdh"},
		{"roleScopeTagIds/any(t: roleScopeTagIds/any(u: u gt t))", "ceh"},
		{"roleScopeTagIds/any(t: roleScopeTagIds/all(t: t eq 'x'))", "d"},
		{"roleScopeTagIds/any(t: contains(displayName,t))", ""},
		{"roleScopeTagIds/$count ge 2", "ceh"},
		{"roleScopeTagIds/$count eq 0", "b"},
		// Through the run summary, which may not be there.
		{"runSummary ne null", ran},
		{"runSummary eq null", "beg"},
		{"runSummary/issueDetectedDeviceCount gt 5", "cf"},
		{"not (runSummary/issueDetectedDeviceCount gt 5)", "abdegh"},
		{"runSummary/issueDetectedDeviceCount ne 2", "bcdefg"},
		{"runSummary/noIssueDetectedDeviceCount lt 0", "c"},
		{"runSummary/noIssueDetectedDeviceCount eq runSummary/issueDetectedDeviceCount", "bdefg"},
		{"runSummary/detectionScriptErrorDeviceCount eq 2147483647", "c"},
		{"runSummary/detectionScriptPendingDeviceCount eq -2147483648", "c"},
		{"runSummary/id ne null", ran},
		// Numbers are exact, whatever their size.
		{"runSummary/detectionScriptErrorDeviceCount add 1 eq 2147483648", "c"},
		{"runSummary/detectionScriptErrorDeviceCount mul 2 gt 4294967293", "c"},
		{"-runSummary/noIssueDetectedDeviceCount eq 5", "c"},
		{"-(-5) eq 5 and - 5 eq -5", all},
		{"runSummary/noIssueDetectedDeviceCount div 2 eq -2", "c"},
		{"runSummary/noIssueDetectedDeviceCount mod 3 eq -2", "c"},
		{"runSummary/noIssueDetectedDeviceCount divby 4 eq 2.5", "a"},
		{"runSummary/noIssueDetectedDeviceCount mul 0.1 eq 0.7", "f"},
		{"runSummary/noIssueDetectedDeviceCount div runSummary/issueDetectedDeviceCount eq null", "bdeg"},
		{"1 add 2 mul 3 eq 7 and (1 add 2) mul 3 eq 9", all},
		{"10 sub 2 sub 3 eq 5 and 100 div 10 div 2 eq 5", all},
		{"0.1 add 0.2 eq 0.3", all},
		{"1e2 eq 100 and 1.5E1 eq 15 and 25e-1 eq 2.5", all},
		{"9223372036854775807 gt 9223372036854775806", all},
		{"length(displayName) mul 2 gt runSummary/noIssueDetectedDeviceCount add 20", "cd"},
		// Times, to 100 ns, from the year 1 to 9999.
		{"runSummary/lastScriptRunDateTime eq 2017-01-01T00:01:17.4310553-08:00", "a"},
		{"runSummary/lastScriptRunDateTime eq 2017-01-01T09:01:17.4310553+01:00", "a"},
		{"runSummary/lastScriptRunDateTime gt 2017-01-01T08:01:17.4310552Z", "adfh"},
		{"runSummary/lastScriptRunDateTime gt 2017-01-01T08:01:17.4310553Z", "dfh"},
		{"runSummary/lastScriptRunDateTime eq 0001-01-01T00:00:00.0000001Z", "c"},
		{"runSummary/lastScriptRunDateTime ge 9999-12-31T23:59:59.9999999Z", "d"},
		{"runSummary/lastScriptRunDateTime lt 2017-01-02", "ach"},
		{"runSummary/lastScriptRunDateTime in (2024-02-29T23:59:59.5Z,2017-01-01T23:00Z)", "fh"},
		{"date(runSummary/lastScriptRunDateTime) eq 2017-01-01", "ah"},
		{"time(runSummary/lastScriptRunDateTime) lt 12:00", "ac"},
		{"time(runSummary/lastScriptRunDateTime) eq 08:01:17.4310553", "a"},
		{"year(runSummary/lastScriptRunDateTime) in (1,9999)", "cd"},
		{"month(runSummary/lastScriptRunDateTime) eq 2 and day(runSummary/lastScriptRunDateTime) eq 29", "f"},
		{"hour(runSummary/lastScriptRunDateTime) eq 23 and minute(runSummary/lastScriptRunDateTime) eq 59", "df"},
		{"second(runSummary/lastScriptRunDateTime) eq 17", "a"},
		{"year(runSummary/lastScriptRunDateTime) eq null", "beg"},
		{"fractionalseconds(runSummary/lastScriptRunDateTime) eq 0.5", "f"},
		{"day(2024-02-29) eq 29 and hour(13:14:15) eq 13", all},
		{"year(createdDateTime) ge 2024 and createdDateTime le now()", all},
		{"createdDateTime eq lastModifiedDateTime", all},
		{"createdDateTime gt now() sub duration'PT1H' and createdDateTime lt now() add duration'PT1H'", all},
		{"lastModifiedDateTime sub createdDateTime eq duration'PT0S'", all},
		{"runSummary/lastScriptRunDateTime add duration'P1D' gt 2024-03-01T23:59:59Z", "f"},
		{"runSummary/lastScriptRunDateTime add duration'PT0.0000001S' eq null", "bdeg"},
		{"runSummary/lastScriptRunDateTime sub duration'P1D' eq null", "bceg"},
		{"runSummary/lastScriptRunDateTime sub 2017-01-01T00:00:00Z eq duration'PT23H'", "h"},
		{"duration'P1DT12H' eq duration'PT36H' and duration'-P1D' lt duration'PT0S'", all},
		{"totalseconds(duration'PT1M30.5S') eq 90.5", all},
		{"totalseconds(runSummary/lastScriptRunDateTime sub 2017-01-01T00:00:00Z) eq 82800", "h"},
		{"2017-01-02 sub 2017-01-01 eq duration'P1D' and duration'PT1H' mul 24 eq duration'P1D'", all},
		{"mindatetime() lt runSummary/lastScriptRunDateTime and runSummary/lastScriptRunDateTime lt maxdatetime()", "acfh"},
		// Binary.
		{"detectionScriptContent eq binary'AAEC'", "b"},
		{"detectionScriptContent eq null", "acdefgh"},
		// How conditions are put together.
		{"displayName eq 'disk' or platform eq 'linux' and runAsAccount eq 'user'", "bef"},
		{"(displayName eq 'disk' or platform eq 'linux') and runAsAccount eq 'user'", "bf"},
		{"not(displayName eq 'disk')and not(platform eq 'linux')", "acdgh"},
		{"displayName eq @p&@p='disk'", "e"},
		{"displayName in @list&@list=[\"disk\",\"O'Brien's \\\"firewall\\\"\"]", "be"},
		{"platform in @list&@list=('macOS','linux')", "bcf"},
		{"contains(displayName,@p) and publisher ne @p&@p='i'", "abdeh"},
		{"publisher eq @none", "bg"},
		{"$it/displayName eq 'disk'", "e"},
		{"$it/roleScopeTagIds/any(t: $it/version eq t)", ""},
		// Attempts to get out of a literal, which find what they say and no more.
		{"displayName eq '''; DROP TABLE script;--'", "d"},
		{"displayName eq ''' OR ''1''=''1'", ""},
		{"displayName eq 'x'' OR 1=1--'", ""},
		{"contains(displayName,'\\'' OR 1=1--')", ""},
		{"startswith(displayName,'%')", ""},
		{"version eq '$1'", "g"},
		{"version in ('$1',''') OR (''1''=''1')", "g"},
		{"roleScopeTagIds/any(t: t eq ''') OR 1=1--')", ""},
		{"roleScopeTagIds/any(t: t eq '\"') or '0''' in roleScopeTagIds", "e"},
		{"platform in @list and true&@list=[\"linux\"]", "bf"},
		{"version eq @p&@p=''' OR TRUE --'", ""},
		{"displayName eq '${jndi}{{1}}\u2028'", ""},
	}
}

// badFilters are attempts that no literal lets through.
func badFilters() []string {
	return []string{
		"id eq 4b5a3dee-3dee-4b5a-ee3d-5a4bee3d5a4b' OR '1'='1", "platform eq 'linux'' OR 1=1--'",
		"platform eq microsoft.graph.deviceComplianceScriptPlatformType'x'' OR 1=1'", "enforceSignatureCheck eq true--",
		"runSummary/issueDetectedDeviceCount eq 1;DROP TABLE script", "runSummary/issueDetectedDeviceCount eq 1 OR 1=1",
		"runSummary/issueDetectedDeviceCount eq 1.5.1", "runSummary/issueDetectedDeviceCount eq 0x10", "runSummary/issueDetectedDeviceCount eq 99999999999999999999",
		"createdDateTime gt 2024-01-01T00:00:00Z'--", "createdDateTime gt 2024-13-01T00:00:00Z", "createdDateTime gt 10000-01-01",
		"time(createdDateTime) gt 25:00", "createdDateTime sub duration'P1D''--' gt 2024-01-01", "createdDateTime sub duration'P1Y' gt 2024-01-01",
		"detectionScriptContent eq binary'!''--'", "roleScopeTagIds/any(t\": t eq '0')", "roleScopeTagIds/any(displayName: displayName eq '0')",
		"s.id eq 'x'", "display_name eq 'x'", "runSummary/r.sequence eq 1", "1 div 0 eq 1", "displayName eq 'a' 'b'", "displayName eq \"disk\"",
		"roleScopeTagIds eq '0'", "displayName/x eq 1", "runSummary/runSummary/id eq '1'", "displayName", "1", "runSummary",
		"detectionScriptContent gt binary'AA=='", "displayName in ()", "displayName in 'disk'", "platform has null",
		"runSummary/issueDetectedDeviceCount mul 9223372036854775807 gt 0", "NaN eq 1", "length(1) eq 1", "substring('x') eq 'x'",
		"not displayName eq 'x'", "roleScopeTagIds/any(t: t)", "roleScopeTagIds/some(t: t eq '0')", "displayName eq 'x' or",
		"displayName eq 'x')", "(displayName eq 'x'", "platform eq 0", "runAsAccount eq microsoft.graph.deviceComplianceScriptPlatformType'linux'",
	}
}

// TestFilters asks for the same on both engines.
func TestFilters(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, s *testServer) {
		t.Helper()
		byID := s.letters(t)
		for _, c := range filters() {
			s.wantFound(t, byID, asked("$filter", c[0]), c[1])
		}
		for _, text := range badFilters() {
			r, err := s.send(t.Context(), "GET", scripts+"?"+asked("$filter", text), "")
			if err != nil || r.StatusCode != http.StatusBadRequest || !strings.Contains(r.text, `"message":"$filter at position `) {
				t.Errorf("%s: %v %s", text, err, r.text)
			}
		}
	})
}

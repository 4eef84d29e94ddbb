package checkin

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"plimsoll"
)

const (
	goodID     = "5d5c1c5e-8a7b-4f0e-9d43-2a3c1b0f6e11"
	goodScript = `{"id":"` + goodID + `","displayName":"x","revision":3,` +
		`"contentHash":"a2f1c0d4e5b6978812233445566778899aabbccddeeff00112233445566778b1","runAsAccount":"system",` +
		`"enforceSignatureCheck":false,"runAs32Bit":false,"timeLimitSeconds":300,` +
		`"schedule":{"kind":"hourly","interval":2,"useUtc":false},"lastSequence":41,"runRequest":7}`
	otherScript = `{"id":"5d5c1c5e-8a7b-4f0e-9d43-2a3c1b0f6e12",` + "\n" +
		`"revision":1,"contentHash":"A2F1C0D4E5B6978812233445566778899AABBCCDDEEFF00112233445566778B1","runAsAccount":"user",` +
		`"enforceSignatureCheck":true,"runAs32Bit":true,"timeLimitSeconds":3600,` +
		`"schedule":{"kind":"once","interval":0,"useUtc":true,"time":"11:58:36","date":"2030-02-28"},"lastSequence":0}`
)

func answerWith(scripts ...string) string {
	return `{"etag":"e2","nextCheckInSeconds":900,"inventoryWanted":true,"scripts":[` + strings.Join(scripts, ",") + `],"results":[]}`
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	got, err := readAnswer([]byte(answerWith(goodScript, otherScript)), &CheckInRequest{ETag: "e1"})
	hash := "a2f1c0d4e5b6978812233445566778899aabbccddeeff00112233445566778b1"
	want := &CheckInResponse{ETag: "e2", NextCheckInSeconds: 900, InventoryWanted: true, Scripts: []Script{
		{
			ID: goodID, DisplayName: "x", Revision: 3, ContentHash: hash, RunAsAccount: "system", TimeLimitSeconds: 300,
			Schedule: Schedule{Kind: Hourly, Interval: 2}, LastSequence: 41, RunRequest: 7,
		},
		{
			ID: goodID[:35] + "2", Revision: 1, ContentHash: hash, RunAsAccount: "user", EnforceSignatureCheck: true, RunAs32Bit: true,
			TimeLimitSeconds: 3600, Schedule: Schedule{Kind: Once, UseUTC: true, Time: "11:58:36", Date: "2030-02-28"},
		},
	}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b []Outcome) bool { return len(a) == len(b) })); diff != "" || err != nil {
		t.Error(diff, err)
	}
	same := `{"etag":"e1","nextCheckInSeconds":10,"inventoryWanted":false,"results":[{"code":"accepted","more":1}]}`
	got, err = readAnswer([]byte(same), &CheckInRequest{ETag: "e1", Results: make([]Result, 1)})
	if err != nil || got.Scripts != nil || got.ETag != "e1" || got.Results[0].Code != plimsoll.OutcomeAccepted {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = readAnswer([]byte(answerWith()), &CheckInRequest{})
	if err != nil || got.Scripts == nil || len(got.Scripts) != 0 {
		t.Errorf("nothing to run: %+v, %v", got, err)
	}
}

// TestRefusedScripts has a script that is not as it should be beside two that are:
// it is refused, with what tells which it is, and they are taken.
func TestRefusedScripts(t *testing.T) {
	t.Parallel()
	script := strings.Replace(goodScript, goodID, "00000000-0000-4000-8000-000000000000", 1)
	change := func(old, changed string) string {
		if !strings.Contains(script, old) {
			t.Fatalf("nothing of %s in the script", old)
		}
		return strings.Replace(script, old, changed, 1)
	}
	without := func(member string) string {
		from := strings.Index(script, `"`+member+`":`)
		return script[:from] + script[from+strings.Index(script[from:], `,"`)+1:]
	}
	schedule := func(text string) string {
		return change(`{"kind":"hourly","interval":2,"useUtc":false}`, text)
	}
	type known struct {
		id                 bool
		revision, sequence int64
	}
	all := known{true, 3, 41}
	for _, c := range []struct {
		name, script, message string
		known
	}{
		{"an unknown member", change(`"revision"`, `"runAs":"root","revision"`), "runAs is not known", all},
		{"a member in another case", change(`"runAs32Bit"`, `"RunAs32Bit":true,"runAs32Bit"`), "RunAs32Bit is not known", all},
		{"a member twice", change(`"runAsAccount":"system"`, `"runAsAccount":"user","runAsAccount":"system"`), "runAsAccount is given more than once", all},
		{"the id twice", change(`"revision"`, `"id":"`+goodID+`","revision"`), "id is given more than once", known{false, 3, 41}},
		{"a schedule's member that is unknown", schedule(`{"kind":"hourly","interval":2,"useUtc":false,"jitter":5}`), "schedule/jitter is not known", all},
		{"a schedule's member twice", schedule(`{"kind":"hourly","interval":2,"interval":3,"useUtc":false}`), "interval is given more than once", all},
		{"an id that is no GUID", change("00000000-0000-4000-8000-000000000000", "../../etc/passwd"), "id must be a GUID", known{false, 3, 41}},
		{"an id of another form", change("00000000-0000-4000-8000-000000000000", "urn:uuid:00000000-0000-4000-8000-000000000000"), "id must be a GUID", known{false, 3, 41}},
		{"an id that is a number", change(`"00000000-0000-4000-8000-000000000000"`, "5"), "id has a value of the wrong type", known{false, 3, 41}},
		{"revision 0", change(`"revision":3`, `"revision":0`), "revision must be from 1", known{true, 0, 41}},
		{"a revision as text", change(`"revision":3`, `"revision":"3"`), "revision has a value of the wrong type", known{true, 0, 41}},
		{"a revision that is too large", change(`"revision":3`, `"revision":9223372036854775808`), "revision has a value of the wrong type", known{true, 0, 41}},
		{"a revision that is none", change(`"revision":3`, `"revision":1.5`), "revision has a value of the wrong type", known{true, 0, 41}},
		{"a short hash", change("a2f1", ""), "contentHash must be 64", all},
		{"a hash that is none", change("a2f1", "g2f1"), "contentHash must be 64", all},
		{"another account", change(`"system"`, `"root"`), "runAsAccount must be", all},
		{"an account in capitals", change(`"system"`, `"System"`), "runAsAccount must be", all},
		{"no time to run", change(`"timeLimitSeconds":300`, `"timeLimitSeconds":0`), "timeLimitSeconds must be", all},
		{"too much time to run", change(`"timeLimitSeconds":300`, `"timeLimitSeconds":3601`), "timeLimitSeconds must be", all},
		{"a sequence below zero", change(`"lastSequence":41`, `"lastSequence":-1`), "lastSequence must be from 0", known{true, 3, -1}},
		{"an absurd sequence", change(`"lastSequence":41`, `"lastSequence":9223372036854775807`), "lastSequence must be from 0", known{true, 3, 0}},
		{"an absurd revision", change(`"revision":3`, `"revision":9223372036854775807`), "revision must be from 1", known{true, 0, 41}},
		{"a request below zero", change(`"runRequest":7`, `"runRequest":-7`), "runRequest must be from 0", all},
		{"a request that is null", change(`"runRequest":7`, `"runRequest":null`), "runRequest is missing, or null", all},
		{"a signature check that is null", change(`"enforceSignatureCheck":false`, `"enforceSignatureCheck":null`), "enforceSignatureCheck is missing, or null", all},
		{"a signature check as text", change(`"enforceSignatureCheck":false`, `"enforceSignatureCheck":"true"`), "enforceSignatureCheck has a value of the wrong type", all},
		{"no id", without("id"), "id is missing", known{false, 3, 41}},
		{"no revision", without("revision"), "revision is missing", known{true, 0, 41}},
		{"no hash", without("contentHash"), "contentHash is missing", all},
		{"no account", without("runAsAccount"), "runAsAccount is missing", all},
		{"no signature check", without("enforceSignatureCheck"), "enforceSignatureCheck is missing", all},
		{"no architecture", without("runAs32Bit"), "runAs32Bit is missing", all},
		{"no time limit", without("timeLimitSeconds"), "timeLimitSeconds is missing", all},
		{"no schedule", change(`"schedule":{"kind":"hourly","interval":2,"useUtc":false},`, ""), "schedule is missing", all},
		{"no sequence", without("lastSequence"), "lastSequence is missing", known{true, 3, 0}},
		{"a schedule that is text", schedule(`"hourly"`), "schedule has a value of the wrong type", all},
		{"a schedule of an unknown kind", schedule(`{"kind":"weekly","interval":2,"useUtc":false}`), "schedule/kind must be", all},
		{"a schedule in no time", schedule(`{"kind":"hourly","interval":2}`), "useUtc is missing", all},
		{"no hours", schedule(`{"kind":"hourly","interval":0,"useUtc":false}`), "interval must be", all},
		{"a name that is no UTF-8", change(`"x"`, "\"\xff\""), "", all},
		{"a name of another type", change(`"x"`, `["x"]`), "displayName has a value of the wrong type", all},
		{"a number", `7`, "object is wanted", known{}},
		{"null", `null`, "object is wanted", known{}},
		{"an array", `[]`, "object is wanted", known{}},
		{"nothing in it", `{}`, "id is missing", known{}},
	} {
		got, err := readAnswer([]byte(answerWith(goodScript, c.script, otherScript)), &CheckInRequest{ETag: "e1"})
		if err != nil || len(got.Scripts) != 2 || len(got.Refused) != 1 || got.ETag != "e2" {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		refused := got.Refused[0]
		if plimsoll.ErrorCode(refused.Err) != plimsoll.Invalid || !strings.Contains(refused.Err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", c.name, refused.Err, c.message)
		}
		if have := (known{refused.ID != "", refused.Revision, refused.LastSequence}); have != c.known {
			t.Errorf("%s: %+v is known of it, want %+v", c.name, have, c.known)
		}
	}
}

// TestAnswerError has answers that are not followed: what became of the results is
// known, and nothing else changes.
func TestAnswerError(t *testing.T) {
	t.Parallel()
	const head, results = `"etag":"e2","nextCheckInSeconds":900,"inventoryWanted":true`, `,"results":[{"code":"accepted"}]`
	const good = head + `,"scripts":[` + goodScript + `]` + results
	many := strings.Repeat(`{},`, 1000) + `{}`
	for name, c := range map[string]struct{ body, message string }{
		"an unknown member":     {`"run":"at once",` + good, "run is not known"},
		"an etag twice":         {`"etag":"e3",` + good, "etag is given more than once"},
		"scripts twice":         {`"scripts":[],` + good, "scripts is given more than once"},
		"no etag":               {strings.Replace(good, `"etag":"e2",`, "", 1), "etag is missing"},
		"an empty etag":         {strings.Replace(good, `"e2"`, `""`, 1), "etag must be"},
		"an etag with quotes":   {strings.Replace(good, `"e2"`, `"\""`, 1), "etag must be"},
		"an etag of two lines":  {strings.Replace(good, `"e2"`, `"a\r\nb"`, 1), "etag must be"},
		"an etag of a number":   {strings.Replace(good, `"e2"`, `2`, 1), "etag has a value of the wrong type"},
		"scripts of one":        {head + `,"scripts":` + goodScript + results, "scripts must be an array"},
		"scripts that are null": {head + `,"scripts":null` + results, "scripts must be an array"},
		"scripts left out":      {head + results, "scripts are missing"},
		"too many scripts":      {head + `,"scripts":[` + many + `]` + results, "1001 scripts"},
		"a script twice":        {head + `,"scripts":[` + goodScript + `,` + strings.ToUpper(goodScript[:44]) + goodScript[44:] + `]` + results, "given more than once"},
		"a script twice, once refused": {
			head + `,"scripts":[` + goodScript + `,` + strings.Replace(goodScript, "system", "root", 1) + `]` + results, "given more than once",
		},
		"no interval":         {strings.Replace(good, `"nextCheckInSeconds":900,`, "", 1), "nextCheckInSeconds is missing"},
		"an interval of 0":    {strings.Replace(good, `900`, `0`, 1), "nextCheckInSeconds must be"},
		"a long interval":     {strings.Replace(good, `900`, `9223372036854775807`, 1), "nextCheckInSeconds must be"},
		"an interval in text": {strings.Replace(good, `900`, `"900"`, 1), "nextCheckInSeconds has a value of the wrong type"},
		"a want of text":      {strings.Replace(good, `"inventoryWanted":true`, `"inventoryWanted":"yes"`, 1), "inventoryWanted has a value of the wrong type"},
	} {
		body := "{" + strings.Replace(c.body, `"ID"`, `"id"`, 1) + "}"
		got, err := readAnswer([]byte(body), &CheckInRequest{ETag: "e1", Results: make([]Result, 1)})
		if _, ok := errors.AsType[*AnswerError](err); !ok || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", name, err, c.message)
		}
		if len(got.Results) != 1 || got.Results[0].Code != plimsoll.OutcomeAccepted || got.Scripts != nil || got.Refused != nil || got.ETag != "e1" {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(name, "interval") != (got.NextCheckInSeconds == 0) {
			t.Errorf("%s: the interval is %d", name, got.NextCheckInSeconds)
		}
	}
}

// TestUnreadableAnswer has answers of which nothing is known, the results least.
func TestUnreadableAnswer(t *testing.T) {
	t.Parallel()
	const head = `{"etag":"e1","nextCheckInSeconds":900,"inventoryWanted":true,`
	for _, body := range []string{
		``, `x`, `[]`, `null`, `{`, head, head + `"results":[{"code":"accepted"}`, head + `"results":[]}`, head + `"results":null}`, head + `"results":{}}`,
		head + `"results":[{"code":"accepted"},{"code":"accepted"}]}`, head + `"results":[{"code":1}]}`, head + `"results":["accepted"]}`,
		head + `"results":[{"code":"accepted"}],"results":[{"code":"tooMany"}]}`, head + `"results":[{"code":"a","code":"b"}]}`,
		head + `"x":1,"x":2,"results":[{"code":"a"}],"results":[{"code":"b"}],"y":1,"y":2}`, head + `"results":[{"code":"accepted"}]} {}`,
	} {
		got, err := readAnswer([]byte(body), &CheckInRequest{ETag: "e1", Results: make([]Result, 1)})
		if _, followed := errors.AsType[*AnswerError](err); err == nil || followed || len(got.Results) > 0 || got.Scripts != nil {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestScheduleDomain(t *testing.T) {
	t.Parallel()
	at := 11*time.Hour + 58*time.Minute + 36*time.Second
	for _, c := range []struct {
		wire Schedule
		want plimsoll.Schedule
	}{
		{Schedule{Kind: Hourly, Interval: 23}, plimsoll.Schedule{Kind: plimsoll.ScheduleHourly, Interval: 23}},
		{Schedule{Kind: Daily, Interval: 1, Time: "00:00:00"}, plimsoll.DefaultSchedule()},
		{Schedule{Kind: Daily, Interval: 2, UseUTC: true, Time: "11:58:36"}, plimsoll.Schedule{Kind: plimsoll.ScheduleDaily, Interval: 2, UseUTC: true, Time: at}},
		{
			Schedule{Kind: Once, Time: "11:58:36", Date: "2028-02-29"},
			plimsoll.Schedule{Kind: plimsoll.ScheduleOnce, Time: at, Date: time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)},
		},
	} {
		got, err := c.wire.Domain()
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if back := wireSchedule(&got); back != c.wire {
			t.Errorf("%+v comes back as %+v", c.wire, back)
		}
	}
	for _, s := range []Schedule{
		{},
		{Kind: "Hourly", Interval: 1},
		{Kind: "weekly", Interval: 1},
		{Kind: Hourly},
		{Kind: Hourly, Interval: 24},
		{Kind: Hourly, Interval: -1},
		{Kind: Hourly, Interval: 1, Time: "00:00:00"},
		{Kind: Hourly, Interval: 1, Date: "2030-01-01"},
		{Kind: Daily, Interval: 1},
		{Kind: Daily, Time: "00:00:00"},
		{Kind: Daily, Interval: 1, Time: "24:00:00"},
		{Kind: Daily, Interval: 1, Time: "1:00:00"},
		{Kind: Daily, Interval: 1, Time: "01:00"},
		{Kind: Daily, Interval: 1, Time: "01:00:00.5"},
		{Kind: Daily, Interval: 1, Time: "01:00:60"},
		{Kind: Daily, Interval: 1, Time: "01:00:00Z"},
		{Kind: Daily, Interval: 1, Time: "01:00:00", Date: "2030-01-01"},
		{Kind: Once, Time: "01:00:00"},
		{Kind: Once, Date: "2030-01-01"},
		{Kind: Once, Time: "01:00:00", Date: "2030-02-30"},
		{Kind: Once, Time: "01:00:00", Date: "2030-1-1"},
		{Kind: Once, Time: "01:00:00", Date: "0000-01-01"},
		{Kind: Once, Time: "01:00:00", Date: "0001-01-01"},
		{Kind: Once, Interval: 1, Time: "01:00:00", Date: "2030-01-01"},
	} {
		if _, err := s.Domain(); plimsoll.ErrorCode(err) != plimsoll.Invalid {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// FuzzCheckInAnswer reads anything: what is given to run can be run as it says, and
// what cannot is refused, so that nothing is left out in silence.
func FuzzCheckInAnswer(f *testing.F) {
	for _, scripts := range []string{goodScript, goodScript + "," + otherScript, `{}`, `1`, `{"id":"` + goodID + `","id":1}`} {
		f.Add([]byte(answerWith(scripts)), "e1", 0)
	}
	f.Add([]byte(`{"etag":"e1","nextCheckInSeconds":900,"inventoryWanted":true,"results":[{"code":"accepted"}]}`), "e1", 1)
	f.Add([]byte(`{"etag":"e1","nextCheckInSeconds":900,"results":[{"code":"accepted","message":"\ud800"}],"more":{"a":[1]}}`), "e1", 1)
	f.Fuzz(func(t *testing.T, body []byte, etag string, results int) {
		request := &CheckInRequest{ETag: etag, Results: make([]Result, min(max(results, 0), 200))}
		got, err := readAnswer(body, request)
		_, partly := errors.AsType[*AnswerError](err)
		switch {
		case err != nil && !partly:
			if diff := cmp.Diff(&CheckInResponse{}, got); diff != "" {
				t.Error(diff)
			}
			return
		case len(got.Results) != len(request.Results):
			t.Errorf("%d results of %d", len(got.Results), len(request.Results))
		case partly:
			if got.Scripts != nil || got.Refused != nil || got.ETag != etag {
				t.Errorf("%+v", got)
			}
			return
		}
		var sent struct {
			Scripts []any `json:"scripts"`
		}
		if err := json.Unmarshal(body, &sent); err == nil && len(sent.Scripts) != len(got.Scripts)+len(got.Refused) {
			t.Errorf("of %d scripts %d are to run, and %d are refused", len(sent.Scripts), len(got.Scripts), len(got.Refused))
		}
		ids := map[string]bool{}
		for i := range got.Scripts {
			s := &got.Scripts[i]
			if err := s.check(); err != nil || ids[s.ID] {
				t.Errorf("%+v: %v", s, err)
			}
			ids[s.ID] = true
		}
		for _, refused := range got.Refused {
			if plimsoll.ErrorCode(refused.Err) != plimsoll.Invalid || refused.ID != "" && ids[refused.ID] {
				t.Errorf("%+v", refused)
			}
		}
		if fmt.Sprint(got.NextCheckInSeconds) == "0" || got.ETag == "" {
			t.Errorf("%+v", got)
		}
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// noteLabels has a page remember the texts that were drawn on its canvas last.
const noteLabels = `{
	const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
	window.labels = [];
	CanvasRenderingContext2D.prototype.clearRect = function (...rest) {
		window.labels = [];
		return clearRect.apply(this, rest);
	};
	CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
		if (text) window.labels.push(text);
		return fillText.call(this, text, ...rest);
	};
}`

// showTrend looks at the trend of numbers that were reported within one second, and of
// one entry in spans of several lengths: its axis is the span, and says nothing twice.
func (a story) showTrend() {
	t := a.t
	s := signedIn(t, sqliteAddress(t))
	script := s.addScript(t)
	for n := range 3 {
		s.must(t, http.StatusCreated, "POST", scripts+"/"+script+"/runSummary", summaryBody(40+n))
	}
	p := a.open(s)
	p.must(p.OnEachDocument(noteLabels))
	p.useLink(s.FirstUser.URL)
	p.waitFor("navigation", "Pages")
	p.visit("/scripts/" + script)
	p.until("/Healthy[^]*42[^]*Time/.test([...document.querySelectorAll('.u-legend tr')].reverse().map((row) => row.innerText).join(' '))") // the latest, which nobody points at
	p.wantLabels("an hour")

	entry := map[string]any{"recordedDateTime": time.Now().Add(-time.Minute).UTC(), "noIssueDetectedDeviceCount": 5}
	for _, name := range []string{"issueDetectedDeviceCount", "detectionScriptErrorDeviceCount", "detectionScriptPendingDeviceCount"} {
		entry[name] = 0
	}
	one, err := json.Marshal([]any{entry})
	if err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{1, 7, 30} {
		evaluate[bool](p, fmt.Sprintf(`Promise.all(['preact.js', 'ui/chart.js'].map((name) => import(performance.getEntriesByType('resource').find((file) => file.name.endsWith('/' + name)).name))).then(([{ html, render }, { Trend }]) => {
			const box = document.createElement('section');
			document.querySelector('main').append(box);
			window.labels = [];
			render(html`+"`<${Trend} entries=${%s} days=%d />`"+`, box);
			return true;
		})`, one, days))
		p.until("document.querySelectorAll('.trend canvas').length > 0 && window.labels.length > 3")
		labels := p.wantLabels(fmt.Sprintf("%d days", days))
		first := slices.IndexFunc(labels, func(label string) bool { return strings.Contains(label, " ") && !strings.Contains(label, ":") })
		if first < 0 || days > 1 && first > 0 {
			t.Errorf("%d days: no day begins %q", days, labels)
		} else if ago := daysSince(labels[first]); ago > days || ago < days-8 {
			t.Errorf("%d days: %q are of the last %d", days, labels, ago)
		}
	}
}

// daysSince gives how long ago a day of the last year was, such as "Nov 28".
func daysSince(day string) int {
	for now, ago := time.Now(), 0; ago < 366; ago++ {
		if now.AddDate(0, 0, -ago).Format("Jan 2") == day {
			return ago
		}
	}
	return -1
}

// wantLabels gives the labels of the axes, and wants none of them twice.
func (p *tab) wantLabels(what string) []string {
	p.t.Helper()
	p.until("window.labels.length > 3")
	labels := evaluate[[]string](p, "new Promise((drawn) => setTimeout(() => drawn(window.labels), 300))")
	seen := slices.Clone(labels)
	slices.Sort(seen)
	if len(slices.Compact(seen)) != len(labels) {
		p.t.Errorf("%s: a label stands twice: %q", what, labels)
	}
	return labels
}

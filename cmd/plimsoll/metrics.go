package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	prometheus "github.com/VictoriaMetrics/metrics"

	"plimsoll/internal/store"
)

// metrics is what /metrics shows, in Prometheus' text form. No label ever takes its
// value from a client.
type metrics struct {
	set       *prometheus.Set
	requests  sync.Map // of *prometheus.PrometheusHistogram, by requestKind
	throttled map[string]*prometheus.Counter
	commits   *prometheus.PrometheusHistogram // run summaries in each transaction
	reports   *prometheus.PrometheusHistogram // devices' reports in each transaction
}

// requestKind is what requests are told apart by.
type requestKind struct {
	route, method string
	status        int
}

// requestBuckets are the upper bounds of the times of requests, in seconds.
func requestBuckets() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
}

func newMetrics(s *store.Store) *metrics {
	m := &metrics{set: prometheus.NewSet(), throttled: map[string]*prometheus.Counter{}}
	m.commits = m.set.NewPrometheusHistogramExt("plimsoll_run_summary_commit_size", prometheus.ExponentialBuckets(1, 2, 10))
	m.reports = m.set.NewPrometheusHistogramExt("plimsoll_report_commit_size", prometheus.ExponentialBuckets(1, 2, 8))
	build := thisBuild()
	m.gauge(fmt.Sprintf(`plimsoll_build_info{version=%q,commit=%q,engine=%q}`, build.Version, build.Commit, s.Engine()),
		func() int { return 1 })
	for _, limit := range []string{"client", "total"} { // so that it shows before the first, as 0
		m.throttled[limit] = m.set.NewCounter(fmt.Sprintf(`plimsoll_throttled_requests_total{limit=%q}`, limit))
	}
	for name, pool := range s.Pools() {
		m.observePool(name, pool)
	}
	return m
}

// gauge shows what is counted when somebody asks.
func (m *metrics) gauge(name string, count func() int) {
	m.set.NewGauge(name, func() float64 { return float64(count()) })
}

// observePool shows the connections of a pool, under the names that Prometheus' own
// library gives them.
func (m *metrics) observePool(name string, pool *sql.DB) {
	for of, value := range map[string]func(sql.DBStats) float64{
		"max_open_connections":        func(s sql.DBStats) float64 { return float64(s.MaxOpenConnections) },
		"open_connections":            func(s sql.DBStats) float64 { return float64(s.OpenConnections) },
		"in_use_connections":          func(s sql.DBStats) float64 { return float64(s.InUse) },
		"idle_connections":            func(s sql.DBStats) float64 { return float64(s.Idle) },
		"wait_count_total":            func(s sql.DBStats) float64 { return float64(s.WaitCount) },
		"wait_duration_seconds_total": func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() },
		"max_idle_closed_total":       func(s sql.DBStats) float64 { return float64(s.MaxIdleClosed) },
		"max_idle_time_closed_total":  func(s sql.DBStats) float64 { return float64(s.MaxIdleTimeClosed) },
		"max_lifetime_closed_total":   func(s sql.DBStats) float64 { return float64(s.MaxLifetimeClosed) },
	} {
		m.set.NewGauge(fmt.Sprintf(`go_sql_%s{db_name=%q}`, of, name), func() float64 { return value(pool.Stats()) })
	}
}

// observeRequest is told of every request.
func (m *metrics) observeRequest(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "other"
	}
	methods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete,
	}
	if !slices.Contains(methods, method) {
		method = "other"
	}
	kind := requestKind{route, method, status}
	known, ok := m.requests.Load(kind)
	if !ok {
		known = m.set.GetOrCreatePrometheusHistogramExt(
			fmt.Sprintf(`plimsoll_http_request_duration_seconds{code="%d",method=%q,route=%q}`, status, method, route), requestBuckets())
		m.requests.Store(kind, known)
	}
	if times, ok := known.(*prometheus.PrometheusHistogram); ok { // it always is
		times.Update(took.Seconds())
	}
}

// observeThrottled is told of every request that a limit refuses.
func (m *metrics) observeThrottled(limit string) { m.throttled[limit].Inc() }

// observeCommit is told the size of every transaction of reports.
func (m *metrics) observeCommit(items int) { m.commits.Update(float64(items)) }

// observeReports is told how many devices' reports a transaction holds.
func (m *metrics) observeReports(reports int) { m.reports.Update(float64(reports)) }

func (m *metrics) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.set.WritePrometheus(w)
		prometheus.WriteProcessMetrics(w)
	})
}

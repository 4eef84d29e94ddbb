package main

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"plimsoll/internal/store"
)

// metrics is what /metrics shows. No label ever takes its value from a client.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.HistogramVec
	throttled *prometheus.CounterVec
	commits   prometheus.Histogram
	reports   prometheus.Histogram
}

func newMetrics(s *store.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "plimsoll_http_request_duration_seconds", Help: "Requests by path pattern, method and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "code"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plimsoll_throttled_requests_total", Help: "Requests of clients and devices refused by the limit of one, and by that of all.",
		}, []string{"limit"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "plimsoll_run_summary_commit_size", Help: "Reported run summaries in each durable transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
	}
	m.reports = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "plimsoll_report_commit_size", Help: "Devices' reports in each durable transaction.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 8),
	})
	build := thisBuild()
	m.registry.MustRegister(m.requests, m.throttled, m.commits, m.reports, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "plimsoll_build_info", Help: "The program that runs; always 1.",
			ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "engine": s.Engine()},
		}, func() float64 { return 1 }))
	for _, limit := range []string{"client", "total"} {
		m.throttled.WithLabelValues(limit) // so that it shows before the first, as 0
	}
	for name, pool := range s.Pools() {
		m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
	}
	return m
}

// gauge shows what is counted when somebody asks.
func (m *metrics) gauge(name, help string, count func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(count()) }))
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
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// observeThrottled is told of every request that a limit refuses.
func (m *metrics) observeThrottled(limit string) { m.throttled.WithLabelValues(limit).Inc() }

// observeCommit is told the size of every transaction of reports.
func (m *metrics) observeCommit(items int) { m.commits.Observe(float64(items)) }

// observeReports is told how many devices' reports a transaction holds.
func (m *metrics) observeReports(reports int) { m.reports.Observe(float64(reports)) }

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

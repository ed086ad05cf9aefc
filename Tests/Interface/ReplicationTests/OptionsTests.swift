import Replication
import Testing

@Suite struct OptionsTests {
  enum Bug: String, SwitchableBug, CaseIterable {
    case forgetVote = "forget-vote"
    var meaning: String { "votes twice" }
  }

  static let declared = [
    OptionDeclaration("preVote", .flag(default: true), "a"),
    OptionDeclaration("inFlight", .integer(default: 64, range: 1...1024), "b"),
    OptionDeclaration(
      "heartbeat", .interval(default: .milliseconds(50), range: .zero...(.seconds(1))), "c"),
    OptionDeclaration(
      "election",
      .intervalRange(
        default: .milliseconds(150)...(.milliseconds(300)), range: .zero...(.seconds(9))), "d"),
    OptionDeclaration("reads", .choice(default: "log", of: ["log", "lease"]), "e"),
    Bug.option,
  ]

  @Test("An option that is absent has its declared default")
  func defaults() {
    let values = OptionValues(Self.declared)
    #expect(values.flag("preVote") && values.integer("inFlight") == 64)
    #expect(values.interval("heartbeat") == .milliseconds(50))
    #expect(values.intervalRange("election") == .milliseconds(150)...(.milliseconds(300)))
    #expect(values.choice("reads") == "log" && values["other"] == nil)
    #expect(Bug.chosen(in: values) == nil)
  }

  @Test("An override takes the default's place, and an undeclared one is not kept")
  func overrides() {
    let values = OptionValues(
      Self.declared,
      overrides: ["inFlight": .integer(3), "unsafeBug": .choice("forget-vote"), "odd": .flag(true)])
    #expect(values.integer("inFlight") == 3 && values.flag("preVote"))
    #expect(Bug.chosen(in: values) == .forgetVote)
    #expect(values["odd"] == nil)
    #expect(Bug.list.map(\.name) == ["forget-vote"])
    // The mistakes around snapshots are those of all protocols.
    let shared = SnapshotBug.allCases.map(\.rawValue)
    #expect(Bug.option.kind == .choice(default: "none", of: ["none", "forget-vote"] + shared))
  }

  @Test("A bounded time follows the other one where nothing is said, and knows its limit")
  func bounds() {
    let ping = OptionDeclaration(
      "ping", .interval(default: .milliseconds(40), range: .zero...(.seconds(1))), "f",
      atMost: OptionDeclaration.Bound(of: "election", dividedBy: 2, byDefault: 10))
    let declared = Self.declared + [ping]
    let usual = OptionValues(declared)
    #expect(usual.interval("ping") == .milliseconds(15))
    #expect(usual.longest(of: ping) == .milliseconds(75))
    let patient = OptionValues(
      declared, overrides: ["election": .intervalRange(.seconds(1)...(.seconds(2)))])
    #expect(patient.interval("ping") == .milliseconds(40))
    let asked = OptionValues(declared, overrides: ["ping": .interval(.milliseconds(60))])
    #expect(asked.interval("ping") == .milliseconds(60))
    #expect(usual.longest(of: Self.declared[2]) == nil)
  }
}

@Suite struct TimeTests {
  @Test(
    "An interval is written in the largest unit that keeps it exact",
    arguments: [
      (Interval.microseconds(250), "250us"), (.milliseconds(20), "20ms"), (.seconds(3), "3s"),
      (.zero, "0ms"), (.nanoseconds(1), "1ns"), (.nanoseconds(1500), "1500ns"),
      (.milliseconds(1500), "1500ms"), (.milliseconds(-2), "-2ms"), (.seconds(120), "120s"),
    ])
  func description(interval: Interval, text: String) {
    #expect(interval.description == text)
  }

  @Test("Intervals and instants add up")
  func arithmetic() {
    #expect(Interval.seconds(1) - .milliseconds(1) == .milliseconds(999))
    #expect(Interval.milliseconds(3) * 4 / 6 == .milliseconds(2))
    #expect(Interval.nanoseconds(10).scaled(by: 0.99) == .nanoseconds(9))
    #expect(Instant(nanoseconds: 7) + .nanoseconds(3) - Instant(nanoseconds: 4) == .nanoseconds(6))
    #expect(Interval.microseconds(1500).milliseconds == 1.5)
  }
}

import Foundation
import Testing

@testable import Report

@Suite("Text from files never becomes markup")
struct HTMLTests {
  @Test("Interpolated text is escaped, and pieces of HTML are not")
  func escaping() {
    let text = "<script>alert(\"1\" & '2')</script>\u{1}"
    let html: HTML = "<p title=\"\(text)\">\(text)</p>"
    #expect(!html.text.contains("<script") && !html.text.contains("\u{1}"))
    #expect(html.text.contains("&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)"))
    #expect(("<b>\(html)</b>" as HTML).text == "<b>" + html.text + "</b>")
  }

  @Test("Markup in a description, a protocol, a swept value or a fault stays text")
  func page() throws {
    let folder = try Folder()
    let evil = "<img src=x onerror=alert(1)>"
    var run = SampleRun(description: "\"</title><script>\" \(evil)", protocols: ["raft", evil])
    run.sweepPath = "workload.<i>"
    run.points = [evil, "b"]
    let directory = try run.write(below: folder.url)
    let faults = URL(filePath: directory).appending(path: "faults.csv")
    let text = try String(contentsOf: faults, encoding: .utf8).replacing("leader", with: evil)
    try Data(text.utf8).write(to: faults)
    let page = try Report.page(of: directory)
    #expect(!page.contains("<img") && !page.contains("<i>"))
    // The script, and the numbers for the choice of axes.
    #expect(page.components(separatedBy: "<script").count == 3)
    #expect(page.components(separatedBy: "<script type=\"application/json\"").count == 2)
    #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;"))
  }
}

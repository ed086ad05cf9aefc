/// The frame of a page: a single file that needs no other file and can be read without its script.
struct Document {
  var title: String
  var heading: String
  var subtitle: HTML
  /// Check boxes that hide rows; only the script makes them visible.
  var filters: HTML
  var sections: [Section]

  /// A file that begins with this text is a report, so it may be replaced.
  static let mark = "<!doctype html><!-- a report of rsmbench -->"

  var html: String {
    let body = shown.map(\.html).joined("\n")
    let page: HTML = """
      <html lang=en><head><meta charset=utf-8>
      <meta name=viewport content="width=device-width,initial-scale=1">
      <meta name=color-scheme content="light dark">
      <title>\(title)</title>
      <style>\(HTML(markup: Style.text))</style></head><body>
      <a class=skip href="#answer">To the answer</a>
      <header><div class=top><h1>\(heading)</h1>\
      <button type=button id=theme hidden aria-pressed=false>Dark</button></div>\(subtitle)
      <nav aria-label="Sections">\(links)</nav>
      <fieldset id=filters hidden><legend>Show</legend>\(filters)</fieldset></header>
      <main>
      \(body)
      </main>
      <script>\(HTML(markup: Script.text))</script></body></html>

      """
    return Document.mark + "\n" + page.text
  }

  private var shown: [Section] { sections.filter { !$0.content.isEmpty } }

  private var links: HTML {
    shown.map { "<a href=\"#\($0.id)\">\($0.title)</a>" as HTML }.joined()
  }
}

import type { ProfileReport } from '../../model/profile.ts';
import { hotFunctionsTable, profileLink, profileSentences } from '../profile-tables.ts';
import { html, type Markup } from './markup.ts';
import { tableMarkup } from './table-markup.ts';

/** What a profiler found, with links to its pages in the run directory. */
export function profileSection(profile: ProfileReport): Markup {
  return html`<section aria-labelledby="profile-title">
    <h2 id="profile-title">Profile</h2>
    <div class="card">
      ${profileSentences(profile).map((sentence) => html`<p>${sentence}</p>`)}
      <ul>
        ${profile.files.map(({ path, what }) => html`<li><a href="${profileLink(path)}">${path}</a>: ${what}</li>`)}
      </ul>
      ${tableMarkup(hotFunctionsTable(profile))}
    </div>
  </section>`;
}

/* Visits and customers are joined by the hash of an address: nobody sees the address itself. */
SELECT CASE WHEN score >= 9 THEN 'promoters' WHEN score >= 7 THEN 'passives' ELSE 'detractors' END AS who,
       count(*) AS answers,
       round(avg(visits), 1) AS visits_before,
       round(avg(actions), 1) AS actions_before
FROM (
  SELECT c.id, c.score, count(v.id) AS visits, coalesce(sum(v.actions), 0) AS actions
  FROM customers c
  LEFT JOIN visits v ON v."user" = c.email AND v.at < c.answered AND v._deleted_at IS NULL
  WHERE c.score IS NOT NULL AND c._deleted_at IS NULL
  GROUP BY c.id, c.score
)
GROUP BY who
ORDER BY visits_before DESC

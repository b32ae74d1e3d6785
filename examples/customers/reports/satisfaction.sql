SELECT company,
       count(*) AS customers,
       count(score) AS answers,
       round(avg(score), 1) AS satisfaction,
       round(100.0 * (count(*) FILTER (score >= 9) - count(*) FILTER (score <= 6)) / count(score)) AS nps
FROM customers
WHERE company IS NOT NULL AND _deleted_at IS NULL
GROUP BY company
HAVING count(score) >= 5
ORDER BY satisfaction DESC, company
